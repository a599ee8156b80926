"""The DAG of a fleet, tried on the Airflow of `lock.txt`, in an environment of its own."""
