"""What is rendered: one rule at a time, over every shape in ci/ and every pod in it."""

import re
import subprocess
from fnmatch import fnmatch

import pytest
import yaml

from api.http.security.access import needed_for, parse_tokens
from api.settings import Settings as ApiSettings
from monitoring.log.files.folder import FILES, STEMS
from monitoring.settings import NEEDED_TO_SIGN_IN
from monitoring.settings import Settings as MonitoringSettings
from tests.charts.conftest import (
    CHART,
    KUBERNETES,
    SHAPES,
    TEMPLATES,
    Refused,
    manifest,
    merged,
    of_kind,
    pods,
    render,
    tool,
    values_file,
    values_of,
)
from tests.conftest import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
every_shape = pytest.mark.parametrize("shape", SHAPES)


def containers(shape: str) -> list[dict]:
    return [container for pod in pods(render(values_of(shape))).values() for container in pod["spec"]["containers"]]


def env(container: dict) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def test_the_default_install_is_small():
    kinds = sorted(item["kind"] for item in render())

    assert kinds == sorted(
        ["Deployment", "Deployment", "Service", "Service", "Service", "PersistentVolumeClaim", "ServiceAccount", "Pod"]
    )


@every_shape
def test_helm_lint_has_no_complaint(shape):
    done = subprocess.run(
        ["helm", "lint", "--strict", str(CHART), "--values", str(values_file(shape))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "[" not in done.stdout.replace("[INFO] Chart.yaml", "")


@every_shape
def test_helm_3_renders_what_helm_4_renders(shape):
    assert manifest(values_of(shape), helm=tool("helm3")) == manifest(values_of(shape))


@every_shape
def test_rendering_twice_gives_the_same_bytes(shape):
    command = ["helm", "template", "opinion", str(CHART), "--namespace", "reviews", "--kube-version", KUBERNETES]
    values = ["--values", str(values_file(shape))]

    assert subprocess.run([*command, *values], capture_output=True, check=True).stdout.decode() == manifest(
        values_of(shape)
    )


def test_nothing_random_or_looked_up_can_make_an_upgrade_restless():
    assert len(TEMPLATES) > 20
    for path in TEMPLATES:
        found = re.findall(r"\{\{[^}]*?\b(lookup|rand[A-Z]\w+|uuidv4|now|gen[A-Z]\w+|derive\w+)\b", path.read_text())
        assert found == [], path


@every_shape
def test_every_pod_is_as_the_restricted_standard_wants_it_and_more(shape):
    for pod in pods(render(values_of(shape))).values():
        spec = pod["spec"]
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
        assert {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"} <= {
            "persistentVolumeClaim",
            "emptyDir",
            "secret",
        }


@every_shape
def test_the_dashboard_and_the_test_can_only_read_the_log(shape):
    for name, pod in pods(render(values_of(shape))).items():
        for container in pod["spec"]["containers"]:
            for mount in container.get("volumeMounts", []):
                if mount["name"] == "log" and "subPath" not in mount:
                    assert mount["readOnly"] == (name != "api")


@pytest.mark.parametrize(
    ("container", "service", "folder"), [(0, "monitoring", "dashboard-state"), (1, "watch", "watch-state")]
)
def test_each_writes_its_state_to_a_folder_of_the_volume_that_no_reader_of_the_log_looks_into(
    container, service, folder
):
    found = pods(render())["monitoring"]["spec"]["containers"][container]
    (state,) = [mount for mount in found["volumeMounts"] if "subPath" in mount]

    assert state == {"name": "log", "mountPath": "/app/state", "subPath": folder, "readOnly": False}
    assert env(found)["STATE_DIR"] == state["mountPath"] == COMPOSE[service]["environment"]["STATE_DIR"]
    assert not any(fnmatch(folder, f"{stem}{kind}") for stem in STEMS for kind in FILES)


def test_the_watch_is_the_dashboards_image_with_its_settings_and_may_be_left_out():
    dashboard, watch = pods(render())["monitoring"]["spec"]["containers"]
    own = {"STATE_DIR", "WATCH_NAME", "API_URL", "ALLOWED_HOSTS"}

    assert watch["image"] == dashboard["image"]
    assert watch["command"] == [*COMPOSE["watch"]["command"], "--wait"]
    assert {n: v for n, v in env(watch).items() if n not in own} == {
        n: v for n, v in env(dashboard).items() if n not in own
    }
    assert env(watch)["WATCH_NAME"] == "reviews/opinion-sentiment-monitor"
    assert [port["containerPort"] for port in watch["ports"]] == [MonitoringSettings().watch_port]
    without = render({"monitoring": {"watch": {"enabled": False}}})
    assert len(pods(without)["monitoring"]["spec"]["containers"]) == 1
    assert not any(item["metadata"]["name"].endswith("-watch") for item in without)


def test_addresses_with_credentials_can_come_from_a_secret():
    watch = {"alertmanagerUrl": "http://alertmanager:9093", "existingSecret": "addresses"}
    container = pods(render({"monitoring": {"watch": watch}}))["monitoring"]["spec"]["containers"][1]
    given = {entry["name"]: entry for entry in container["env"]}

    assert given["ALERTMANAGER_URL"]["value"] == "http://alertmanager:9093"
    assert given["WEBHOOK_URL"]["valueFrom"] == {
        "secretKeyRef": {"name": "addresses", "key": "webhook-url", "optional": True}
    }


def test_without_tokens_no_pod_has_any_secret():
    for pod in pods(render()).values():
        assert not any("secret" in volume for volume in pod["spec"].get("volumes", []))
        for container in pod["spec"]["containers"]:
            assert not any("valueFrom" in entry or "TOKEN" in entry["name"] for entry in container["env"])


def test_the_api_reads_its_tokens_from_a_folder_that_follows_the_secret():
    spec = pods(render(values_of("tokens")))["api"]["spec"]
    (volume,) = [volume for volume in spec["volumes"] if "secret" in volume]
    (mount,) = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == volume["name"]]

    assert volume["secret"]["items"] == [{"key": "tokens", "path": "tokens"}]  # the other keys are not the API's
    assert volume["secret"]["defaultMode"] == 0o440
    assert mount["readOnly"] is True
    assert "subPath" not in mount
    assert env(spec["containers"][0])["API_TOKENS_FILE"] == f"{mount['mountPath']}/tokens"


def test_the_dashboard_and_the_test_have_a_token_and_the_watch_has_none():
    found = pods(render(values_of("tokens")))
    dashboard, watch = found["monitoring"]["spec"]["containers"]

    for container in (dashboard, found["tests"]["spec"]["containers"][0]):
        (token,) = [entry for entry in container["env"] if entry["name"] == "API_TOKEN"]
        key = {"name": "tokens-extra", "key": "dashboard-token", "optional": True}
        assert token["valueFrom"] == {"secretKeyRef": key}
    assert "API_TOKEN" not in env(watch)


def test_the_tokens_of_the_example_are_those_that_the_api_takes():
    (secret,) = values_of("tokens")["extraObjects"]
    data = secret["stringData"]
    accepted = parse_tokens(data["tokens"], "tokens")

    for key, path in (("dashboard-token", "/predict"), ("dashboard-token", "/feedback"), ("admin-token", "/metrics")):
        holder = accepted.holder(data[key].encode())
        assert holder is not None
        assert holder.may(needed_for(path))


@pytest.mark.parametrize("limit", [0, 7, 100_000])
def test_the_limit_is_a_whole_number_for_the_service_too(limit):
    (container,) = pods(render({"api": {"rateLimit": limit}}))["api"]["spec"]["containers"]

    assert ApiSettings.from_env({"RATE_LIMIT": env(container)["RATE_LIMIT"]}).rate_limit == limit


def hosts_of(values: dict, component: str) -> set[str]:
    return set(env(pods(render(values))[component]["spec"]["containers"][0])["ALLOWED_HOSTS"].split(","))


@pytest.mark.parametrize("component", ["api", "monitoring"])
def test_each_part_answers_to_the_names_of_its_service_its_routes_and_its_values(component):
    (service,) = (
        item["metadata"]["name"]
        for item in render()
        if item["kind"] == "Service" and item["metadata"]["name"].endswith(component)
    )
    own = {service, f"{service}.reviews", f"{service}.reviews.svc", f"{service}.reviews.svc.cluster.local"}
    route = {"enabled": True, "hosts": ["{{ .Release.Namespace }}.example"], "parentRefs": [{"name": "gateway"}]}
    ingress = {key: route[key] for key in ("enabled", "hosts")}
    gateway = {key: route[key] for key in ("enabled", "parentRefs")}

    assert hosts_of({}, component) == own
    assert hosts_of({"clusterDomain": "b.example"}, component) == {*own, f"{service}.reviews.svc.b.example"} - {
        f"{service}.reviews.svc.cluster.local"
    }
    assert hosts_of({component: {"ingress": ingress}}, component) == {*own, "reviews.example"}
    assert hosts_of({component: {"ingress": ingress | {"enabled": False}}}, component) == own
    assert hosts_of({component: {"httpRoute": gateway | {"hostnames": ["*.example"]}}}, component) == {
        *own,
        "*.example",
    }
    assert hosts_of({component: {"httpRoute": gateway}}, component) == {*own, "*"}
    assert hosts_of({component: {"allowedHosts": ["lb.example"]}}, component) == {*own, "lb.example"}


@every_shape
def test_what_the_api_is_told_about_clients_is_what_it_reads(shape):
    (api,) = pods(render(values_of(shape)))["api"]["spec"]["containers"]
    names = ("ALLOWED_HOSTS", "FORWARDED_ALLOW_IPS", "CORS_ORIGINS", "ROOT_PATH")

    settings = ApiSettings.from_env({name: env(api)[name] for name in names})
    values = merged(values_of("default"), values_of(shape)).get("api", {})
    assert settings.root_path == values.get("basePath", "")
    assert list(settings.cors_origins or ()) == values.get("corsOrigins", [])
    assert list(settings.forwarded_allow_ips or ()) == values.get("forwardedAllowIps", [])


def test_a_path_of_the_api_is_that_of_its_route_and_probes_need_none():
    objects = render(values_of("ingress"))

    (ingress,) = (item for item in objects if item["kind"] == "Ingress" and item["metadata"]["name"].endswith("-api"))
    (api,) = pods(objects)["api"]["spec"]["containers"]
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["path"] == env(api)["ROOT_PATH"] == "/sentiment"
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_services_have_the_clusters_kind_of_address_or_both():
    plain = {item["metadata"]["name"]: item for item in render() if item["kind"] == "Service"}
    both = {"service": {"ipFamilyPolicy": "PreferDualStack"}}
    dual = [item for item in render({"api": both, "monitoring": both}) if item["kind"] == "Service"]

    assert not any("ipFamilyPolicy" in item["spec"] for item in plain.values())
    assert len(dual) == 3
    assert {item["spec"]["ipFamilyPolicy"] for item in dual} == {"PreferDualStack"}


def test_the_sign_in_is_told_to_the_dashboard_alone_with_its_secrets_from_a_secret():
    dashboard, watch = pods(render(values_of("sign-in")))["monitoring"]["spec"]["containers"]
    given = {entry["name"]: entry for entry in dashboard["env"]}

    plain = {name: entry["value"] for name, entry in given.items() if "value" in entry}
    secret = {"OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "x", "OIDC_COOKIE_SECRET": "x" * 32}
    settings = MonitoringSettings.from_env(plain | secret)
    assert settings.public_url == "https://monitor.example.org" + plain["STREAMLIT_SERVER_BASE_URL_PATH"]
    assert (settings.sign_in_allowed, settings.sign_in_hours) == ("ann@example.com @example.org", 8)
    for name in secret:
        key = name.removeprefix("OIDC_").lower().replace("_", "-")
        assert given[name]["valueFrom"] == {"secretKeyRef": {"name": "opinions-sign-in", "key": key}}
    assert not {*NEEDED_TO_SIGN_IN, "SIGN_IN_ALLOWED"} & {entry["name"] for entry in watch["env"]}


def test_the_key_of_hashes_comes_from_a_secret_that_must_be_there():
    api = pods(render({"api": {"logText": "hashed", "logHashSecret": "keys"}}))["api"]["spec"]["containers"][0]
    given = {entry["name"]: entry for entry in api["env"]}

    assert given["LOG_TEXT"]["value"] == "hashed"
    assert given["LOG_HASH_KEY"]["valueFrom"] == {"secretKeyRef": {"name": "keys", "key": "log-hash-key"}}
    assert "LOG_HASH_KEY" not in env(pods(render())["api"]["spec"]["containers"][0])


@every_shape
def test_no_list_has_an_entry_twice(shape):
    for container in containers(shape):
        for key, lists in {"env": "name", "ports": "name", "volumeMounts": "mountPath"}.items():
            named = [entry[lists] for entry in container.get(key, [])]
            assert len(named) == len(set(named))
    for pod in pods(render(values_of(shape))).values():
        volumes = [volume["name"] for volume in pod["spec"].get("volumes", [])]
        assert len(volumes) == len(set(volumes))


@every_shape
def test_no_rbac_object_and_no_object_elsewhere(shape):
    objects = render(values_of(shape))

    assert {item["kind"] for item in objects} & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} == set()
    assert {item["metadata"].get("namespace", "reviews") for item in objects} == {"reviews"}


@every_shape
def test_every_object_has_the_recommended_labels_and_selectors_find_their_pods(shape):
    objects = render(values_of(shape))
    for item in objects:
        if not item["metadata"]["name"].endswith(("-extra", "-text", "-sign-in")):
            assert {f"app.kubernetes.io/{name}" for name in ("name", "instance", "component", "part-of", "version")} | {
                "app.kubernetes.io/managed-by",
                "helm.sh/chart",
            } <= set(item["metadata"]["labels"])
    for item in objects:
        if item["kind"] == "Service":
            found = [name for name, pod in pods(objects).items() if fits(item["spec"]["selector"], pod)]
            component = item["metadata"]["labels"]["app.kubernetes.io/component"]
            assert found == ["monitoring" if component == "watch" else component]
        if item["kind"] == "Deployment":
            assert fits(item["spec"]["selector"]["matchLabels"], item["spec"]["template"])
            assert set(item["spec"]["selector"]["matchLabels"]) == {
                f"app.kubernetes.io/{name}" for name in ("name", "instance", "component")
            }


def fits(selector: dict, pod: dict) -> bool:
    return selector.items() <= pod["metadata"]["labels"].items()


def test_a_new_version_of_the_chart_restarts_nothing(tmp_path):
    newer = tmp_path / "newer"
    subprocess.run(["cp", "-r", str(CHART), str(newer)], check=True)
    text = (newer / "Chart.yaml").read_text()
    (newer / "Chart.yaml").write_text(re.sub(r"^version: .*", "version: 9.9.9", text, flags=re.M))
    before, after = render(), render(chart=newer)

    assert of_kind(after, "PersistentVolumeClaim")["metadata"]["labels"]["helm.sh/chart"] == "sentiment-monitor-9.9.9"
    for component in ("api", "monitoring"):
        old, new = (of_kind(objects, "Deployment", component)["spec"] for objects in (before, after))
        assert old == new


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [
        ({"api": {"logSync": "always"}}, {"api"}),
        ({"monitoring": {"minLabels": 5}}, {"monitoring"}),
        ({"metrics": {"grafanaDashboard": {"enabled": True}}}, set()),
        ({"networkPolicy": {"enabled": True}}, set()),
        ({"tests": {"fail": True}}, set()),
    ],
)
def test_a_changed_value_restarts_only_the_pods_it_concerns(changed, restarted):
    before, after = pods(render()), pods(render(changed))

    assert {name for name in ("api", "monitoring") if before[name] != after[name]} == restarted


OF_THE_CLUSTER = {"LOG_DIR", "STATE_DIR", "API_URL", "ALLOWED_HOSTS"}


def test_the_services_get_their_own_settings_with_the_defaults_they_have_anyway():
    of = {name: env(pod["spec"]["containers"][0]) for name, pod in pods(render()).items()}

    for name, settings in (("api", ApiSettings), ("monitoring", MonitoringSettings)):
        given = of[name]
        assert {variable.lower() for variable in given} <= set(settings.__dataclass_fields__)
        unchanged = {key: value for key, value in given.items() if key not in OF_THE_CLUSTER}
        assert settings.from_env(unchanged) == settings()


def test_image_port_folder_and_user_are_those_of_the_images():
    objects = render()
    for component, pod in pods(objects).items():
        if component == "tests":
            continue
        dockerfile = (ROOT / component / "Dockerfile").read_text()
        container = pod["spec"]["containers"][0]
        ports = [str(port["containerPort"]) for found in pod["spec"]["containers"] for port in found["ports"]]
        assert ports == re.findall(r"EXPOSE (.*)", dockerfile)[0].split()
        assert env(container)["LOG_DIR"] == COMPOSE[component]["environment"]["LOG_DIR"]
        assert container["image"].split(":")[0] == COMPOSE[component]["image"].split(":")[0]
        user = pod["spec"]["securityContext"]
        assert re.findall(r"USER (\S+)", dockerfile) == [f"{user['runAsUser']}:{user['runAsGroup']}"]
        service = of_kind(objects, "Service", component)
        assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [
            (container["ports"][0]["containerPort"], "http")
        ]


def test_the_dashboard_asks_the_apis_service_also_on_another_port():
    objects = render({"api": {"service": {"port": 80}}})

    assert env(pods(objects)["monitoring"]["spec"]["containers"][0])["API_URL"] == (
        f"http://{of_kind(objects, 'Service', 'api')['metadata']['name']}:80"
    )


@pytest.mark.parametrize(
    ("image", "registry", "rendered"),
    [
        ({}, "", "sentiment-monitor-api:0.1.0"),
        ({"tag": "2.0"}, "", "sentiment-monitor-api:2.0"),
        ({"registry": "a.example"}, "", "a.example/sentiment-monitor-api:0.1.0"),
        ({"registry": "a.example"}, "b.example/team", "b.example/team/sentiment-monitor-api:0.1.0"),
        ({"digest": f"sha256:{'0' * 64}"}, "", f"sentiment-monitor-api@sha256:{'0' * 64}"),
        ({"tag": "2", "digest": f"sha256:{'0' * 64}"}, "", f"sentiment-monitor-api:2@sha256:{'0' * 64}"),
    ],
)
def test_the_image_is_put_together_from_registry_repository_tag_and_digest(image, registry, rendered):
    found = pods(render({"api": {"image": image}, "global": {"imageRegistry": registry}}))

    assert found["api"]["spec"]["containers"][0]["image"] == rendered
    assert found["tests"]["spec"]["containers"][0]["image"] == rendered


def test_no_image_is_latest():
    assert not any(container["image"].endswith(":latest") for shape in SHAPES for container in containers(shape))


def test_further_variables_replace_those_of_the_chart():
    extra = [{"name": "LOG_SYNC", "value": "no"}, {"name": "MAX_TEXT_CHARS", "value": "5"}]
    usual, given = (pods(render({"api": {"extraEnv": added}}))["api"]["spec"]["containers"][0] for added in ([], extra))

    assert env(given)["LOG_SYNC"] == "no"
    assert env(given)["MAX_TEXT_CHARS"] == "5"
    assert len(given["env"]) == len(env(given)) == len(usual["env"]) + 1


def test_the_pod_of_the_test_takes_what_quotas_and_meshes_ask_for_and_stays_a_test():
    resources = {"requests": {"cpu": "1m"}, "limits": {"cpu": "50m", "memory": "64Mi"}}
    labels = {"sidecar.istio.io/inject": "false", "app.kubernetes.io/component": "api"}
    given = {"podLabels": labels, "podAnnotations": {"a": "b", "helm.sh/hook": "none"}, "resources": resources}
    pod, usual = pods(render({"tests": given}))["tests"], pods(render())["tests"]

    assert pod["metadata"]["labels"] == usual["metadata"]["labels"] | {"sidecar.istio.io/inject": "false"}
    assert pod["metadata"]["annotations"] == usual["metadata"]["annotations"] | {"a": "b"}
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "1m", "memory": "32Mi"},
        "limits": {"cpu": "50m", "memory": "64Mi"},
    }


def test_pull_secrets_of_both_places_are_used_once():
    secrets = {"imagePullSecrets": [{"name": "a"}, {"name": "b"}], "global": {"imagePullSecrets": [{"name": "a"}]}}

    assert pods(render(secrets))["api"]["spec"]["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


@every_shape
def test_both_services_have_three_probes_on_paths_they_serve(shape):
    base = values_of(shape).get("monitoring", {}).get("basePath", "")
    health = f"{base}/_stcore/health"
    paths = {"api": ("/healthz", "/readyz", "/healthz"), "monitoring": (health, health, health)}
    for name, pod in pods(render(values_of(shape))).items():
        if name in paths:
            container = pod["spec"]["containers"][0]
            probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
            assert probes == [{"path": path, "port": "http"} for path in paths[name]]


def test_one_base_path_moves_page_probes_routes_and_test_together():
    base = "/dashboard"
    routes = merged(values_of("ingress"), values_of("http-route"))
    objects = render(routes)
    container = pods(objects)["monitoring"]["spec"]["containers"][0]
    ingress, route = (of_kind(objects, kind, "monitoring")["spec"] for kind in ("Ingress", "HTTPRoute"))

    assert env(container)["STREAMLIT_SERVER_BASE_URL_PATH"] == base
    assert ingress["rules"][0]["http"]["paths"][0]["path"] == base
    assert route["rules"][0]["matches"][0]["path"] == {"type": "PathPrefix", "value": base}
    assert env(pods(objects)["tests"]["spec"]["containers"][0])["DASHBOARD_URL"].endswith(f":8501{base}")


@every_shape
def test_routes_lead_to_services_that_exist(shape):
    objects = render(values_of(shape))
    services = {item["metadata"]["name"]: item["spec"]["ports"][0] for item in objects if item["kind"] == "Service"}
    for item in objects:
        if item["kind"] == "Ingress":
            backend = item["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
            assert backend["port"]["name"] == services[backend["name"]]["name"]
        if item["kind"] == "HTTPRoute":
            (backend,) = item["spec"]["rules"][0]["backendRefs"]
            assert backend["port"] == services[backend["name"]]["port"]


def test_an_autoscaler_owns_the_number_of_pods():
    objects = render(values_of("autoscaling"))
    deployment = of_kind(objects, "Deployment", "api")

    assert "replicas" not in deployment["spec"]
    target = of_kind(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])


@pytest.mark.parametrize("fewest", [1, 2])
@pytest.mark.parametrize("scaler", [False, True])
@pytest.mark.parametrize("one_node", [False, True])
def test_a_disruption_budget_is_made_only_where_a_pod_can_be_spared(fewest, scaler, one_node):
    """Pods that must share a node cannot leave it one by one: a budget would keep it from ever being drained."""
    scaled = {"autoscaling": {"enabled": True, "minReplicas": fewest}} if scaler else {"replicas": fewest}
    log = {"accessModes": ["ReadWriteMany"], "allReplicasOnOneNode": one_node}
    objects = render({"log": log, "api": scaled})

    assert ("PodDisruptionBudget" in {item["kind"] for item in objects}) == (fewest > 1 and not one_node)


def test_host_names_are_templates():
    objects = render(values_of("http-route"))

    assert of_kind(objects, "HTTPRoute", "api")["spec"]["hostnames"] == ["api.reviews.example.org"]
    assert len(of_kind(objects, "HTTPRoute", "api")["spec"]["rules"]) == 2


@every_shape
def test_a_pod_goes_on_answering_until_nobody_asks_it(shape):
    for name, pod in pods(render(values_of(shape))).items():
        if name != "tests":
            sleep = pod["spec"]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert 0 < sleep < pod["spec"]["terminationGracePeriodSeconds"]


def test_long_names_are_cut_to_what_kubernetes_takes():
    for item in render({"fullnameOverride": "x" * 80}):
        assert len(item["metadata"]["name"]) <= 63
    assert {item["metadata"]["name"] for item in render({"fullnameOverride": "opinions"})} >= {"opinions-api"}


def test_a_release_may_have_dots_in_its_name():
    done = subprocess.run(["helm", "template", "opinion.v2", str(CHART)], capture_output=True, text=True, check=True)

    names = {item["metadata"]["name"] for item in yaml.safe_load_all(done.stdout)}
    assert "opinion-v2-sentiment-monitor-api" in names
    assert not any("." in name for name in names)


def test_objects_of_the_users_own_are_templates_too():
    names = {item["metadata"]["name"]: item for item in render(values_of("everything"))}

    assert names["opinions-extra"]["data"] == {"release": "opinion"}
    assert "opinions-text" in names


def test_an_older_kubernetes_is_refused():
    with pytest.raises(Refused, match=r"1\.30"):
        manifest({}, "--kube-version", "1.29.0")
