"""Which page is at which address. Pages of people, teams and tokens are in ``accounts.urls``."""

from __future__ import annotations

from django.urls import path

from unikernels.pages import (
    blocks,
    configure,
    console,
    deploy,
    examples,
    frame,
    images,
    instances,
    jobs,
    operations,
    overview,
    quotas,
    unikernels,
    upgrade,
    what_changed,
)

app_name = "pages"

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("unikernels/", unikernels.unikernels, name="unikernels"),
    path("unikernels/<int:pk>/", unikernels.unikernel, name="unikernel"),
    path("unikernels/<int:pk>/configure/", configure.configure, name="configure"),
    path("unikernels/<int:pk>/changes/", what_changed.what_changed, name="what-changed"),
    path("unikernels/<int:pk>/upgrade/", upgrade.upgrade, name="upgrade"),
    path("unikernels/<int:pk>/rollback/", upgrade.rollback, name="rollback"),
    path("unikernels/<int:pk>/restart/", unikernels.restart, name="restart"),
    path("unikernels/<int:pk>/destroy/", unikernels.destroy, name="destroy"),
    path("unikernels/<int:pk>/adopt/", unikernels.adopt_it, name="adopt"),
    path("unikernels/<int:pk>/console/", console.console, name="console"),
    path("unikernels/<int:pk>/console/download/", console.download, name="console-download"),
    path("deploy/", deploy.choose_image, name="deploy"),
    path("deploy/<str:team>/<str:digest>/", deploy.deploy_image, name="deploy-image"),
    path("deploy/<str:team>/build/<int:pk>/", deploy.deploy_build, name="deploy-build"),
    path("builders/<str:name>/", jobs.builder, name="builder"),
    path("builders/<str:name>/jobs/<str:job>/", jobs.job, name="builder-job"),
    path("operations/", operations.operations, name="operations"),
    path("operations/<int:pk>/", operations.operation, name="operation"),
    path("operations/<int:pk>/cancel/", operations.cancel, name="operation-cancel"),
    path("images/", images.images, name="images"),
    path("images/upload/", images.upload, name="image-upload"),
    path("images/examples/<str:name>/", examples.example, name="example"),
    path("images/<str:team>/<str:digest>/remove/", images.remove, name="image-remove"),
    path("instances/", instances.instances, name="instances"),
    path("add-instance/", instances.add, name="instance-add"),
    path("instances/<str:name>/", instances.instance, name="instance"),
    path("instances/<str:name>/edit/", instances.edit, name="instance-edit"),
    path("instances/<str:name>/retry/", instances.retry, name="instance-retry"),
    path("instances/<str:name>/remove/", instances.remove, name="instance-remove"),
    path("quotas/", quotas.quotas, name="quotas"),
    path("quotas/choose/", quotas.choose, name="quota-choose"),
    path("quotas/<str:team>/<str:instance>/", quotas.quota, name="quota"),
    path("quotas/<str:team>/<str:instance>/meters/", quotas.meters, name="meters"),
    path("blocks/", blocks.blocks, name="blocks"),
    path("blocks/<int:pk>/remove/", blocks.remove, name="block-remove"),
    path("theme/", frame.theme, name="theme"),
    path("help/", frame.help_page, name="help"),
]
