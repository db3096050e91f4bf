"""Which endpoint is at which address below ``/api/v1/``. Every address ends with a slash."""

from __future__ import annotations

from django.urls import path, re_path

from mollymawk.rest import schema
from mollymawk.rest.endpoint import Unknown
from unikernels.api import (
    alerts,
    block_files,
    block_transfers,
    blocks,
    builders,
    changes,
    checks,
    consoles,
    differences,
    freezes,
    images,
    instances,
    operations,
    progress,
    quotas,
    statistics,
    unikernels,
    updates,
    upgrades,
    versions,
)

app_name = "api"

urlpatterns = [
    path("schema/", schema.Description.as_view(), name="schema"),
    path("instances/", instances.Instances.as_view(), name="instances"),
    path("instances/<str:name>/", instances.OneInstance.as_view(), name="instance"),
    path("instances/<str:name>/consoles/", consoles.ConsolesLeft.as_view(), name="consoles-left"),
    path("instances/<str:name>/consoles/<str:console>/", consoles.ConsoleLeft.as_view(), name="console-left"),
    path(
        "instances/<str:name>/statistics/",
        statistics.StatisticsOfInstance.as_view(),
        name="instance-statistics",
    ),
    path("instances/<str:name>/retry/", instances.Retry.as_view(), name="instance-retry"),
    path("unikernels/", unikernels.Unikernels.as_view(), name="unikernels"),
    path("unikernels/<int:pk>/", unikernels.OneUnikernel.as_view(), name="unikernel"),
    path("unikernels/<int:pk>/versions/", versions.Versions.as_view(), name="versions"),
    path("unikernels/<int:pk>/changes/", differences.WhatChanged.as_view(), name="what-changed"),
    path("unikernels/<int:pk>/upgrade/", upgrades.Upgrade.as_view(), name="upgrade"),
    path("unikernels/<int:pk>/rollback/", upgrades.Rollback.as_view(), name="rollback"),
    path("unikernels/<int:pk>/updates/", updates.Updates.as_view(), name="updates"),
    path("unikernels/<int:pk>/checks/", checks.Checks.as_view(), name="checks"),
    path("unikernels/<int:pk>/checks/try/", checks.Try.as_view(), name="check-try"),
    path("unikernels/<int:pk>/checks/<int:check>/", checks.OneCheck.as_view(), name="check"),
    path("unikernels/<int:pk>/checks/<int:check>/results/", checks.Results.as_view(), name="check-results"),
    path("unikernels/<int:pk>/configure/", changes.Configure.as_view(), name="configure"),
    path("unikernels/<int:pk>/restart/", changes.Restart.as_view(), name="restart"),
    path("unikernels/<int:pk>/destroy/", changes.Destroy.as_view(), name="destroy"),
    path("unikernels/<int:pk>/adopt/", changes.Adopt.as_view(), name="adopt"),
    path("unikernels/<int:pk>/console/", consoles.Console.as_view(), name="console"),
    path("unikernels/<int:pk>/statistics/", statistics.Statistics.as_view(), name="statistics"),
    path("images/", images.Images.as_view(), name="images"),
    path("images/<str:digest>/", images.OneImage.as_view(), name="image"),
    path("operations/", operations.Operations.as_view(), name="operations"),
    path("operations/<int:pk>/", operations.OneOperation.as_view(), name="operation"),
    path("operations/<int:pk>/events/", progress.Progress.as_view(), name="operation-events"),
    path("operations/<int:pk>/cancel/", operations.Cancel.as_view(), name="operation-cancel"),
    path("builders/", builders.Builders.as_view(), name="builders"),
    path("builders/<str:name>/", builders.OneBuilder.as_view(), name="builder"),
    path("builders/<str:name>/jobs/", builders.Jobs.as_view(), name="jobs"),
    path("builders/<str:name>/jobs/<str:job>/builds/", builders.Builds.as_view(), name="builds"),
    path("freezes/", freezes.Freezes.as_view(), name="freezes"),
    path("freezes/system/", freezes.SystemFreeze.as_view(), name="freeze-system"),
    path("freezes/teams/<str:team>/", freezes.TeamFreeze.as_view(), name="freeze-team"),
    path("alerts/", alerts.Alerts.as_view(), name="alerts"),
    path("alerts/<int:pk>/", alerts.OneAlert.as_view(), name="alert"),
    path("quiet-hours/", alerts.QuietHoursOfMine.as_view(), name="quiet-hours"),
    path("quotas/", quotas.Quotas.as_view(), name="quotas"),
    path("quotas/<str:team>/<str:instance>/", quotas.OneQuota.as_view(), name="quota"),
    path("blocks/", blocks.Blocks.as_view(), name="blocks"),
    path("blocks/<int:pk>/", blocks.OneBlock.as_view(), name="block"),
    path("blocks/<int:pk>/upload/", block_transfers.Upload.as_view(), name="block-upload"),
    path("blocks/<int:pk>/download/", block_transfers.Download.as_view(), name="block-download"),
    path("block-files/", block_files.BlockFiles.as_view(), name="block-files"),
    path("block-files/<int:pk>/", block_files.OneBlockFile.as_view(), name="block-file"),
    path("block-files/<int:pk>/content/", block_files.Content.as_view(), name="block-file-content"),
    re_path(r"", Unknown.as_view()),  # last: whatever else is asked for below here
]
