"""Lambda functions that run.

    models, responses, urls   the backend, the actions and the paths: where moto's and ours come together
    backend, actions          functions and versions; `references` reads which function a request names
    aliases, permissions, events, concurrency, addresses, layers, sources
                              one part each, with a backend, actions and what only it needs
    service, invoker          Invoke, and what runs behind it
    host                      what functions run on: packages, runtimes, the pool of environments

Each may import from those below it. moto's backends find the host through the context.
"""
