echo east run
