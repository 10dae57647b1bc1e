#!/bin/sh
# Serves the tables that `bookspace register` has registered over JDBC (Thrift), on this machine alone.
#
#     deploy/thrift-server.sh METASTORE_FOLDER [PORT] [further options of spark-submit]
#
# Ctrl-C ends it. beeline -u jdbc:hive2://127.0.0.1:10015/bookspace asks it. It knows no users: whoever reaches the port reads and writes
# as the one who started it, so give it another HOST only where a firewall or a proxy with logins stands before it.
set -eu
metastore=$(cd "$1" && pwd)
port=${2:-10015}
[ $# -lt 2 ] || shift
shift
exec spark-submit --class org.apache.spark.sql.hive.thriftserver.HiveThriftServer2 --name bookspace-sql \
    --conf spark.sql.session.timeZone=UTC --conf spark.ui.enabled=false \
    --conf "spark.hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:;databaseName=$metastore/derby;create=true" \
    --conf "spark.sql.warehouse.dir=file://$metastore/managed" \
    --conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1 \
    --driver-java-options -Dderby.stream.error.file=/dev/null "$@" spark-internal \
    --hiveconf hive.server2.thrift.bind.host="${HOST:-127.0.0.1}" --hiveconf "hive.server2.thrift.port=$port"
