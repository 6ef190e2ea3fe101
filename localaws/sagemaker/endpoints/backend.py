"""The endpoints part of the SageMaker backend: moto's state, our processes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model, SageMakerModelBackend
from moto.utilities.utils import get_partition

from localaws import context as contexts
from localaws.clock import naive_utc
from localaws.sagemaker.endpoints import states
from localaws.sagemaker.endpoints.controller import Change, EndpointController
from localaws.sagemaker.endpoints.deployments.pending import describe_deployment
from localaws.sagemaker.endpoints.deployments.retention import check_kind, check_scaled, retain_properties
from localaws.sagemaker.endpoints.deployments.validation import read_deployment
from localaws.sagemaker.endpoints.features import Features
from localaws.sagemaker.endpoints.fleet import summary
from localaws.sagemaker.endpoints.plan import LEAST_OUTSTANDING, VariantPlan, plan_variants
from localaws.sagemaker.endpoints.service import current_service
from localaws.sagemaker.endpoints.validation import (
    LocalEndpointConfig,
    check_async_inference,
    check_count,
    check_data_capture,
    check_exclusions,
    check_model_data,
    check_name,
    check_shadows,
    check_variants,
    check_weight,
)


class EndpointsMixin(SageMakerModelBackend):
    """Overrides of moto's SageMakerModelBackend."""

    def create_model(
        self,
        model_name: str,
        execution_role_arn: str,
        primary_container: dict[str, Any] | None,
        vpc_config: dict[str, Any] | None,
        containers: list[dict[str, Any]] | None,
        tags: list[dict[str, str]] | None,
    ) -> Model:
        """Create a model; refuses a name that is taken, and model data that is not in S3."""
        check_name(model_name, member="modelName")
        if model_name in self._models:
            raise self._taken("model", model_name, what="model")
        for container in [primary_container or {}, *(containers or [])]:
            if container.get("ModelPackageName"):
                self._find_package(container["ModelPackageName"])
            check_model_data(container, account_id=self.account_id, partition=get_partition(self.region_name))
        model = super().create_model(
            model_name=model_name,
            execution_role_arn=execution_role_arn,
            primary_container=primary_container,
            vpc_config=vpc_config,
            containers=containers,
            tags=tags,
        )
        model.creation_time = self._now()
        return model

    def _now(self) -> datetime:
        return naive_utc(contexts.current().clock.now())

    def create_endpoint_config(
        self,
        endpoint_config_name: str,
        production_variants: list[dict[str, Any]],
        data_capture_config: dict[str, Any],
        async_inference_config: dict[str, Any],
        tags: list[dict[str, str]],
        kms_key_id: str,
        shadow_production_variants: list[dict[str, Any]] | None = None,
    ) -> FakeEndpointConfig:
        """Create an endpoint config; refuses a name that is taken, bad variants and missing models."""
        check_name(endpoint_config_name, member="endpointConfigName")
        if endpoint_config_name in self.endpoint_configs:
            raise self._taken("endpoint-config", endpoint_config_name, what="endpoint configuration")
        check_variants(production_variants or [])
        check_shadows(shadow_production_variants or [], production_variants)
        check_async_inference(async_inference_config or {})
        check_data_capture(data_capture_config or {})
        check_exclusions(
            production_variants or [],
            given={"AsyncInferenceConfig": async_inference_config, "DataCaptureConfig": data_capture_config},
        )
        config = LocalEndpointConfig(  # type: ignore[abstract]  # moto itself leaves is_created out
            account_id=self.account_id,
            region_name=self.region_name,
            endpoint_config_name=endpoint_config_name,
            production_variants=production_variants,
            async_inference_config=async_inference_config,
            data_capture_config=data_capture_config,
            tags=tags,
            kms_key_id=kms_key_id,
        )
        config.creation_time = self._now()
        config.shadow_production_variants = shadow_production_variants or None
        self._plan_config(config)
        self.endpoint_configs[endpoint_config_name] = config
        return config

    def create_endpoint(
        self,
        endpoint_name: str,
        endpoint_config_name: str,
        tags: list[dict[str, str]],
        deployment_config: Mapping[str, Any] | None = None,
    ) -> FakeEndpoint:
        """Create an endpoint in state Creating; its instances start in the background."""
        check_name(endpoint_name, member="endpointName")
        if endpoint_name in self.endpoints:
            raise self._taken("endpoint", endpoint_name, what="endpoint")
        config = self._find_config(endpoint_config_name)
        plans = self._plan_config(config)
        read_deployment(
            deployment_config,
            plans=plans,
            variants=[plan.name for plan in plans],
            account_id=self.account_id,
            region=self.region_name,
        )
        endpoint = FakeEndpoint(  # type: ignore[abstract]  # moto itself leaves is_created out
            account_id=self.account_id,
            region_name=self.region_name,
            endpoint_name=endpoint_name,
            endpoint_config_name=endpoint_config_name,
            production_variants=config.production_variants,
            data_capture_config=config.data_capture_config,
            tags=tags,
        )
        endpoint.endpoint_status = states.CREATING
        endpoint.creation_time = endpoint.last_modified_time = self._now()
        endpoint.production_variants = [
            summary(plan, weight=plan.weight, current=0, desired=plan.count) for plan in plans
        ]
        self.endpoints[endpoint_name] = endpoint
        self._deploy(endpoint, plans, Features.from_config(config))
        self._controller(endpoint).last_deployment = deployment_config or None
        return endpoint

    def _deploy(self, endpoint: FakeEndpoint, plans: Sequence[VariantPlan], features: Features) -> None:
        endpoints = self.endpoints

        def forget() -> None:
            endpoints.pop(endpoint.endpoint_name, None)

        current_service().create(
            endpoint=endpoint,
            plans=plans,
            features=features,
            account_id=self.account_id,
            region=self.region_name,
            forget=forget,
        )

    def plan_variants(
        self, variants: Sequence[Mapping[str, Any]], *, config_name: str = ""
    ) -> tuple[VariantPlan, ...]:
        """Resolve variants to plans; raises AWS's error for a model or model package that is missing."""
        return plan_variants(
            variants,
            find_model=self._find_model,
            find_package=self._find_package,
            config_name=config_name,
        )

    def _plan_config(self, config: FakeEndpointConfig) -> tuple[VariantPlan, ...]:
        """Resolve the variants of an endpoint config, and its shadow variant."""
        name = config.endpoint_config_name
        plans = self.plan_variants(config.production_variants, config_name=name)
        if config.async_inference_config:  # its queue hands a request out where an instance has room for it
            plans = tuple(replace(plan, routing=LEAST_OUTSTANDING) for plan in plans)
        shadows = getattr(config, "shadow_production_variants", None)
        if not shadows:
            return plans
        (shadow,) = self.plan_variants(shadows, config_name=name)
        return (replace(plans[0], shadow=shadow),)

    def _find_package(self, name: str) -> Mapping[str, Any]:
        """Return the container that a model package stands for."""
        package = self.model_packages.get(self.model_package_name_mapping.get(name, name))
        containers = ((package and package.inference_specification) or {}).get("Containers") or []
        if package is None or not containers:
            raise ValidationError(message=f"Model package {name} does not exist.")
        return dict(containers[0]) if len(containers) == 1 else {}

    def describe_endpoint(self, endpoint_name: str) -> dict[str, Any]:
        """Describe an endpoint."""
        endpoint = self._find_endpoint(endpoint_name)
        controller = self._controller(endpoint)
        return (
            endpoint.response_object
            | self._describe_features(endpoint)
            | describe_deployment(controller, status=endpoint.endpoint_status)
        )

    def _describe_features(self, endpoint: FakeEndpoint) -> dict[str, Any]:
        capture = self._controller(endpoint).features.data_capture
        found = {} if capture is None else {"DataCaptureConfig": capture.summary()}
        config = self.endpoint_configs.get(endpoint.endpoint_config_name)
        if config is not None and config.async_inference_config:
            found["AsyncInferenceConfig"] = config.async_inference_config
        return found

    def describe_endpoint_config(self, endpoint_config_name: str) -> dict[str, Any]:
        """Describe an endpoint config."""
        return self._find_config(endpoint_config_name).response_object

    def delete_endpoint_config(self, endpoint_config_name: str) -> None:
        """Delete an endpoint config; endpoints made of it go on."""
        self._find_config(endpoint_config_name)
        super().delete_endpoint_config(endpoint_config_name)

    def delete_endpoint(self, endpoint_name: str) -> None:
        """Begin to delete an endpoint; refused while another change is under way."""
        endpoint = self._find_endpoint(endpoint_name)
        self._begin(endpoint, states.DELETING)
        self._controller(endpoint).request_delete()

    def update_endpoint(
        self,
        *,
        endpoint_name: str,
        endpoint_config_name: str,
        is_retaining: bool = False,
        excluded: Collection[str] = (),
        deployment_config: Mapping[str, Any] | None = None,
        is_retaining_deployment: bool = False,
    ) -> str:
        """Replace an endpoint's fleet by that of another config; return the endpoint's ARN.

        `is_retaining` is RetainAllVariantProperties, `excluded` the property types not retained,
        `is_retaining_deployment` RetainDeploymentConfig.
        """
        endpoint = self._find_endpoint(endpoint_name)
        config = self._find_config(endpoint_config_name)
        plans = self._plan_config(config)
        controller, features = self._controller(endpoint), Features.from_config(config)
        if is_retaining:
            plans = retain_properties(plans, fleet=controller.fleet, excluded=excluded)
            if "DataCaptureConfig" not in excluded:
                capture = controller.features.data_capture or features.data_capture
                features = replace(features, data_capture=capture)
        if is_retaining_deployment:
            deployment_config = deployment_config or controller.last_deployment
        check_kind(plans, fleet=controller.fleet)
        check_scaled(
            plans, fleet=controller.fleet, endpoint_name=endpoint_name, targets=self._scalable_targets()
        )
        deployment = read_deployment(
            deployment_config,
            plans=plans,
            variants=controller.fleet.variants.keys(),
            account_id=self.account_id,
            region=self.region_name,
        )
        self._begin(endpoint, states.UPDATING)
        change = Change(
            config_name=endpoint_config_name,
            features=features,
            deployment=deployment,
            deployment_config=deployment_config or None,
        )
        controller.request_update(plans=plans, change=change)
        return str(endpoint.arn)

    def _scalable_targets(self) -> Collection[str]:
        """Return the resource ids of the variants whose instances scale."""
        from moto.applicationautoscaling import models  # read at the first request for scaling

        scaler = models.applicationautoscaling_backends[self.account_id][self.region_name]
        return set(scaler.targets.get("sagemaker:variant:DesiredInstanceCount", {}))

    def update_endpoint_weights_and_capacities(
        self, endpoint_name: str, desired_weights_and_capacities: list[dict[str, Any]]
    ) -> str:
        """Change weights and instance counts of variants; processes start and stop in the background."""
        endpoint = self._find_endpoint(endpoint_name)
        counts, weights = parse_capacities(
            desired_weights_and_capacities,
            known={variant.plan.name for variant in self._controller(endpoint).fleet.all_variants()},
            config_name=endpoint.endpoint_config_name,
        )
        self._scale(endpoint, counts=counts, weights=weights)
        return str(endpoint.arn)

    def set_instance_count(self, endpoint_name: str, *, variant: str, count: int) -> None:
        """Change a variant's instance count as Application Auto Scaling does; raises as an update would."""
        self._scale(self._find_endpoint(endpoint_name), counts={variant: count}, weights={})

    def least_instances(self, endpoint_name: str) -> int:
        """Return how few instances a variant may be scaled in to: none only of an asynchronous endpoint."""
        features = self._controller(self._find_endpoint(endpoint_name)).features
        return 1 if features.async_inference is None else 0

    def _scale(
        self, endpoint: FakeEndpoint, *, counts: Mapping[str, int], weights: Mapping[str, float]
    ) -> None:
        self._begin(endpoint, states.UPDATING)
        for variant in endpoint.production_variants:
            name = variant["VariantName"]
            variant["DesiredInstanceCount"] = counts.get(name, variant.get("DesiredInstanceCount"))
            variant["DesiredWeight"] = weights.get(name, variant["DesiredWeight"])
        self._controller(endpoint).request_scale(counts=counts, weights=weights)

    def reset(self) -> None:
        """Stop every endpoint and forget everything (moto's reset)."""
        current_service().abandon(account_id=self.account_id, region=self.region_name)
        super().reset()

    def _begin(self, endpoint: FakeEndpoint, to: str) -> None:
        """Move to the state `to`, or refuse as AWS does.

        The sentence for a busy endpoint, which DeleteEndpoint answers too, stands in AWS's own client:
        https://github.com/aws/amazon-sagemaker-operator-for-k8s/blob/master/controllers/sdkutil/clientwrapper/sagemaker_client.go
        """
        before = endpoint.endpoint_status
        if states.try_move(endpoint, to=to, now=contexts.current().clock.now()):
            return
        if before == states.FAILED:
            message = f'Cannot update endpoint "{endpoint.arn}": it is Failed, and can only be deleted.'
            raise ValidationError(message=message)
        raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')

    def _controller(self, endpoint: FakeEndpoint) -> EndpointController:
        controller = current_service().find(self.account_id, self.region_name, endpoint.endpoint_name)
        if controller is None:
            raise self._missing("endpoint", endpoint.endpoint_name, what="endpoint")
        return controller

    def _find_endpoint(self, name: str) -> FakeEndpoint:
        if name not in self.endpoints:
            raise self._missing("endpoint", name, what="endpoint")
        return self.endpoints[name]

    def _find_config(self, name: str) -> FakeEndpointConfig:
        if name not in self.endpoint_configs:
            raise self._missing("endpoint-config", name, what="endpoint configuration")
        return self.endpoint_configs[name]

    def _find_model(self, name: str) -> Model:
        if name not in self._models:
            raise self._missing("model", name, what="model")
        return self._models[name]

    def _missing(self, kind: str, name: str, *, what: str) -> ValidationError:
        return ValidationError(message=f'Could not find {what} "{self._arn(kind, name)}".')

    def _taken(self, kind: str, name: str, *, what: str) -> ValidationError:
        return ValidationError(message=f'Cannot create already existing {what} "{self._arn(kind, name)}".')

    def _arn(self, kind: str, name: str) -> str:
        partition = get_partition(self.region_name)
        return f"arn:{partition}:sagemaker:{self.region_name}:{self.account_id}:{kind}/{name}"


def parse_capacities(
    changes: Sequence[Mapping[str, Any]], *, known: Collection[str], config_name: str
) -> tuple[dict[str, int], dict[str, float]]:
    """Return the wanted counts and weights by variant; refuses unknown and repeated variants."""
    counts: dict[str, int] = {}
    weights: dict[str, float] = {}
    seen: set[str] = set()
    for change in changes:
        name = change["VariantName"]
        if name in seen:
            raise ValidationError(message=f'The variant name "{name}" was non-unique within the request.')
        if name not in known:
            raise ValidationError(
                message=f'The variant name(s) "{name}" is/are not present within endpoint configuration '
                f'"{config_name}".'
            )
        seen.add(name)
        if change.get("DesiredInstanceCount") is not None:
            check_count(change["DesiredInstanceCount"], member="desiredInstanceCount")
            counts[name] = int(change["DesiredInstanceCount"])
        check_weight(change.get("DesiredWeight"), member="desiredWeight")
        if change.get("DesiredWeight") is not None:
            weights[name] = float(change["DesiredWeight"])
    return counts, weights
