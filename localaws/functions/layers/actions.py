"""Answers about layer versions, with links to their code."""

import json
from typing import Any

from localaws import context as contexts
from localaws.functions.host import FunctionHost
from localaws.functions.references import Answer, ReferringActions


class LayerActions(ReferringActions):
    """GetLayerVersion and PublishLayerVersion."""

    def get_layer_version(self) -> Answer:
        """Serve GetLayerVersion."""
        return self._linked(super().get_layer_version())

    def publish_layer_version(self) -> Answer:
        """Serve PublishLayerVersion."""
        return self._linked(super().publish_layer_version()[2])

    def _linked(self, answer: Any) -> Answer:
        """Give moto's answer a link from which the code can be downloaded."""
        document, context = json.loads(answer), contexts.current()
        arn = document["LayerVersionArn"]
        layer = self.backend.layers_versions_by_arn(arn)
        assert layer is not None
        document["Content"]["Location"] = context.find_service(FunctionHost).links.make(
            base=context.endpoint_url, arn=arn, digest=layer.code_digest, now=context.clock.now()
        )
        return self.answer(document)
