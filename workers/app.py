"""The Celery application: messages carry a job's id, and losing or repeating one does no harm."""

from celery import Celery

from workers.settings import WorkerSettings

RUN_JOB = "run_job"
"""The one task's name."""
JOBS_QUEUE = "jobs"
QUARANTINE_QUEUE = "quarantine"


def create_app(settings: WorkerSettings) -> Celery:
    """A Celery application without state of its own: no results, no ETA, no remote control."""
    app = Celery("undercroft", broker=settings.broker_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        # A job whose process died is taken back by its lease; a message again would come too soon.
        task_reject_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=JOBS_QUEUE,
        task_publish_retry=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"socket_timeout": 10.0, "socket_connect_timeout": 2.0},
    )
    return app
