"""What Airflow's API server shows of a run: its report, as a tab."""
