"""FastAPI: an endpoint in its thread pool, by uvicorn with httptools and uvloop, a worker for each core."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from benchmarks.peers.work import Work

app = FastAPI()
work = Work()


@app.post("/invocations")
async def invocations(request: Request) -> JSONResponse:
    """Classify an image; a thread computes, so that the event loop goes on."""
    return JSONResponse(await run_in_threadpool(work.classify, await request.body()))
