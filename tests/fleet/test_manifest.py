"""The example for Kubernetes has the shape that KubeRay's ``ray.io/v1`` asks for.

The schema is a minimal one, of the parts of the RayCluster resource that the example uses: what is required
there, which keys are known, of which type they are. It is no copy of the operator's whole schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")
jsonschema = pytest.importorskip("jsonschema")

EXAMPLE = Path(__file__).parents[2] / "examples/fleet/kuberay.yaml"
TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
COUNT = {"type": "integer", "minimum": 0}


def table(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


CONTAINER = table(
    ["name", "image"],
    name=TEXT,
    image=TEXT,
    env={"type": "array", "items": table(["name", "value"], name=TEXT, value=TEXT)},
    envFrom={"type": "array", "items": table(["secretRef"], secretRef=table(["name"], name=TEXT))},
    resources=table([], requests=TEXTS, limits=TEXTS),
)
POD = table(
    ["spec"],
    spec=table(
        ["containers"],
        containers={"type": "array", "minItems": 1, "items": CONTAINER},
        terminationGracePeriodSeconds=COUNT,
    ),
)
WORKERS = table(
    ["groupName", "rayStartParams", "template", "minReplicas", "maxReplicas"],
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=TEXTS,
    template=POD,
)
CLUSTER = table(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayCluster"},
    metadata=table(["name"], name=TEXT),
    spec=table(
        ["headGroupSpec"],
        rayVersion=TEXT,
        enableInTreeAutoscaling={"type": "boolean"},
        autoscalerOptions=table([], idleTimeoutSeconds=COUNT),
        headGroupSpec=table(["rayStartParams", "template"], rayStartParams=TEXTS, template=POD),
        workerGroupSpecs={"type": "array", "items": WORKERS},
    ),
)


def test_the_example_is_a_ray_cluster() -> None:
    cluster = yaml.safe_load(EXAMPLE.read_text())
    jsonschema.validate(cluster, CLUSTER)
    for group in cluster["spec"]["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        (container,) = group["template"]["spec"]["containers"]
        # Kubernetes wants limits of GPUs to be what is requested; Ray counts cores by the limits.
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_a_key_that_kuberay_does_not_know_is_noticed() -> None:
    cluster = yaml.safe_load(EXAMPLE.read_text())
    cluster["spec"]["workerGroups"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(cluster, CLUSTER)
