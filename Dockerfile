# The production image: every Airflow service of docker-compose.yaml, or of the official Helm chart.
# Its version is the lock's (tests/unit/test_compose.py compares them). No torch: training happens elsewhere.
FROM apache/airflow:slim-3.3.2-python3.11

COPY requirements-production.txt /tmp/requirements-production.txt
# The lock is complete, so nothing outside it is resolved or installed.
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/requirements-production.txt

COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 dags /opt/airflow/dags
# Sent to SageMaker and Lambda as they are, never imported here.
COPY --chown=airflow:0 training /opt/airflow/training
COPY --chown=airflow:0 lambda /opt/airflow/lambda
COPY --chown=airflow:0 docs/notebook.ipynb /opt/airflow/docs/notebook.ipynb
