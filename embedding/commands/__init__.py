"""The subcommands of `bookspace`, a file each: `add` declares its options, `run` does what is asked."""
