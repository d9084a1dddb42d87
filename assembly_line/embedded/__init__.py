"""AWS on one machine: starting it, deploying into it, executing its training, transform and Glue jobs."""
