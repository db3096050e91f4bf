"""Which endpoint is at which address below ``/api/v1/``. Every address ends with a slash."""

from __future__ import annotations

from django.urls import path, re_path

from unikernels.api import (
    changes,
    images,
    instances,
    operations,
    schema,
    unikernels,
)
from unikernels.api.base import Unknown

app_name = "api"

urlpatterns = [
    path("schema/", schema.Description.as_view(), name="schema"),
    path("instances/", instances.Instances.as_view(), name="instances"),
    path("instances/<str:name>/", instances.OneInstance.as_view(), name="instance"),
    path("instances/<str:name>/retry/", instances.Retry.as_view(), name="instance-retry"),
    path("unikernels/", unikernels.Unikernels.as_view(), name="unikernels"),
    path("unikernels/<int:pk>/", unikernels.OneUnikernel.as_view(), name="unikernel"),
    path("unikernels/<int:pk>/configure/", changes.Configure.as_view(), name="configure"),
    path("unikernels/<int:pk>/restart/", changes.Restart.as_view(), name="restart"),
    path("unikernels/<int:pk>/destroy/", changes.Destroy.as_view(), name="destroy"),
    path("unikernels/<int:pk>/adopt/", changes.Adopt.as_view(), name="adopt"),
    path("images/", images.Images.as_view(), name="images"),
    path("images/<str:digest>/", images.OneImage.as_view(), name="image"),
    path("operations/", operations.Operations.as_view(), name="operations"),
    path("operations/<int:pk>/", operations.OneOperation.as_view(), name="operation"),
    path("operations/<int:pk>/cancel/", operations.Cancel.as_view(), name="operation-cancel"),
    re_path(r"", Unknown.as_view()),  # last: whatever else is asked for below here
]
