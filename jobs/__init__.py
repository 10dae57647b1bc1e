"""The steps, each a thin spark-submit script, and the pipeline that lists them."""
