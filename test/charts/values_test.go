// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/component-base/featuregate"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/manager"
	"kruise.io/kruise/internal/platform/webhook"
)

// everything are values that switch on all that the chart can render at once.
func everything() []string {
	return []string{
		`featureGates=ResourcesDeletionProtection=true\,DeletionProtectionForCRDCascadingGate=true`,
		"enableKubeCacheMutationDetector=true", "imagePullSecrets[0].name=pull", "serviceAccount.annotations.team=a",
		"manager.loggingFormat=json", "manager.image.tag=v2", "manager.metrics.serviceMonitor.enabled=true", "manager.metrics.secure=true", "manager.hostNetwork=true",
		`json:manager.nodeAffinity={"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}`,
		"manager.nodeSelector.pool=system", "manager.tolerations[0].operator=Exists", "manager.priorityClassName=system-cluster-critical",
		"manager.podAnnotations.a=b", "manager.podLabels.c=d", "manager.extraArgs[0]=--cloneset-workers=7",
		`json:manager.extraEnvs=[{"name":"CERTS_RENEW_BEFORE","value":"90d"}]`,
		"webhookConfiguration.failurePolicy.pods=Ignore", "webhookConfiguration.excludedNamespaces[0]=infra", "webhookConfiguration.aksIntegration=true",
	}
}

// published are the values that users of earlier releases set, with their defaults (manager specification 16.2), and that do not concern the
// node agent or the hook that guards CRDs from being deleted, which are kept here.
func published() map[string]any {
	return map[string]any{
		"crds.managed": true, "installation.namespace": "kruise-system", "installation.createNamespace": true,
		"installation.roleListGroups": []any{"*"}, "featureGates": "ImagePullJobGate=true", "externalCerts.annotations": map[string]any{},
		"enableKubeCacheMutationDetector": false, "imagePullSecrets": []any{}, "manager.log.level": "4", "manager.loggingFormat": "",
		"manager.replicas": float64(2), "manager.image.repository": "openkruise/kruise-manager", "manager.image.tag": "",
		"manager.webhook.port": float64(9876), "manager.metrics.port": float64(8080), "manager.healthProbe.port": float64(8000),
		"manager.pprofAddr": "localhost:8090", "manager.resyncPeriod": "0", "manager.hostNetwork": false,
		"manager.resources": map[string]any{
			"limits": map[string]any{"cpu": "200m", "memory": "512Mi"}, "requests": map[string]any{"cpu": "100m", "memory": "256Mi"},
		},
		"manager.nodeAffinity": map[string]any{}, "manager.nodeSelector": map[string]any{}, "manager.tolerations": []any{},
		"webhookConfiguration.timeoutSeconds": float64(30), "webhookConfiguration.aksIntegration": false, "serviceAccount.annotations": map[string]any{},
	}
}

func TestPublishedValues(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(program.Chart("kruise"), "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	for path, want := range published() {
		var value any = values
		for name := range strings.SplitSeq(path, ".") {
			fields, _ := value.(map[string]any)
			found := false
			if value, found = fields[name]; !found {
				t.Errorf("there is no value %s", path)
			}
		}
		if diff := cmp.Diff(want, value); diff != "" {
			t.Errorf("value %s (-want +got):\n%s", path, diff)
		}
	}
}

func deploymentOf(t *testing.T, o objects) *appsv1.Deployment {
	t.Helper()
	return as[appsv1.Deployment](t, o.find(t, "Deployment", "kruise-controller-manager"))
}

// options are what the manager makes of the arguments and variables of a Deployment.
func options(t *testing.T, deployment *appsv1.Deployment) *manager.Options {
	t.Helper()
	container := deployment.Spec.Template.Spec.Containers[0]
	variables := map[string]string{"POD_NAMESPACE": deployment.Namespace}
	for _, e := range container.Env {
		if e.ValueFrom == nil {
			variables[e.Name] = e.Value
		}
	}
	o := manager.NewOptions()
	flags := pflag.NewFlagSet("kruise-manager", pflag.ContinueOnError)
	o.AddFlags(flags)
	if err := o.Parse(flags, container.Args, func(name string) string { return variables[name] }); err != nil {
		t.Fatalf("the manager refuses what the chart gives it: %v", err)
	}
	return o
}

// The manager understands what the chart gives it.
func TestArguments(t *testing.T) { //nolint:gocyclo // a list of facts
	o := options(t, deploymentOf(t, render(t, "kruise")))
	if o.MetricsAddr != ":8080" || o.HealthProbeAddr != ":8000" || o.PprofAddr != "localhost:8090" || o.Environment.WebhookPort != 9876 ||
		o.LeaderElection.Namespace != "kruise-system" || !o.Gates.Enabled(features.ImagePullJobGate) {
		t.Errorf("the defaults become %+v", o)
	}
	o = options(t, deploymentOf(t, render(t, "kruise", append(everything(), "installation.namespace=elsewhere", "manager.metrics.port=1",
		"manager.healthProbe.port=2", "manager.pprofAddr=:3", "manager.webhook.port=4", "manager.resyncPeriod=5m", "manager.log.level=6")...)))
	if o.MetricsAddr != ":1" || !o.MetricsSecure || o.HealthProbeAddr != ":2" || o.PprofAddr != ":3" || o.Environment.WebhookPort != 4 || o.Environment.Namespace != "elsewhere" ||
		o.LeaderElection.Namespace != "elsewhere" || o.Workers.Of("cloneset") != 7 || o.SyncPeriod == nil || o.SyncPeriod.Minutes() != 5 ||
		o.Logging.Verbosity != 6 || o.Logging.Format != "json" || !o.Gates.Enabled(features.DeletionProtectionForCRDCascadingGate) {
		t.Errorf("the values become %+v", o)
	}
}

// Certificates come from outside only when that is said in so many words (manager specification 19.15), and then the manager issues and
// publishes nothing.
func TestExternalCertificates(t *testing.T) {
	for gates, external := range map[string]bool{
		"": false, "AllAlpha=true": false, `AllAlpha=true\,AllBeta=true`: false, "EnableExternalCerts=false": false,
		`AllAlpha=true\,EnableExternalCerts=false`: false, "EnableExternalCerts=true": true, `AllAlpha=true\, EnableExternalCerts=true`: true,
		`EnableExternalCerts=1\,AllBeta=true`: true,
	} {
		t.Run(gates, func(t *testing.T) {
			rendered := render(t, "kruise", "featureGates="+gates, `externalCerts.annotations.cert-manager\.io/inject-ca-from=kruise-system/x`)
			if secret := rendered.find(t, "Secret", "kruise-webhook-certs"); (secret == nil) != external {
				t.Errorf("the Secret is %v", secret)
			}
			if got := options(t, deploymentOf(t, rendered)).Gates.Enabled(features.EnableExternalCerts); got != external {
				t.Errorf("the manager's gate is %t", got)
			}
			writes := 0
			for _, name := range []string{"kruise-webhook-role", "kruise-certs-role"} {
				for _, object := range rendered {
					if object.GetName() == name {
						writes += countWrites(rulesOf(t, object))
					}
				}
			}
			if (writes == 0) != external {
				t.Errorf("%d rules let the manager write certificates and their CA", writes)
			}
			mutating, validating := webhooksOf(t, rendered)
			// What SidecarSets there are is not known where no cluster is looked at, and with external certificates nobody could widen the
			// condition for them: every Pod that is not excluded is sent.
			for _, w := range mutating.Webhooks {
				if scoped := slices.ContainsFunc(w.MatchConditions, func(c admissionregistrationv1.MatchCondition) bool {
					return c.Name == webhook.ScopeCondition
				}); w.Name == "mpod.kb.io" && (scoped || len(w.MatchConditions) == 0) {
					t.Errorf("the entry for Pods has conditions %v", w.MatchConditions)
				}
			}
			for _, annotations := range []map[string]string{mutating.Annotations, validating.Annotations} {
				if annotations["cert-manager.io/inject-ca-from"] != "kruise-system/x" {
					t.Errorf("annotations of a configuration are %v", annotations)
				}
			}
		})
	}
	for _, crd := range render(t, "kruise-crds", "externalCerts.annotations.a=b") {
		if crd.GetAnnotations()["a"] != "b" {
			t.Errorf("CRD %s has annotations %v", crd.GetName(), crd.GetAnnotations())
		}
	}
}

func countWrites(rules []rbacv1.PolicyRule) int {
	writes := 0
	for _, rule := range rules {
		for _, verb := range rule.Verbs {
			if !slices.Contains([]string{"get", "list", "watch"}, verb) {
				writes++
			}
		}
	}
	return writes
}

// Listing everything is granted only to the one function that needs it (manager specification 19.10).
func TestListingEverything(t *testing.T) {
	for gates, granted := range map[string]bool{
		"ImagePullJobGate=true": false, "DeletionProtectionForCRDCascadingGate=true": false, "ResourcesDeletionProtection=true": false,
		`ResourcesDeletionProtection=true\,DeletionProtectionForCRDCascadingGate=true`: true, `AllAlpha=true\,AllBeta=true`: true,
	} {
		role := render(t, "kruise", "featureGates="+gates, "installation.roleListGroups={apps,batch}").find(t, "ClusterRole", "kruise-crd-protection-role")
		if (role != nil) != granted {
			t.Errorf("gates %q: the role is %v", gates, role)
			continue
		}
		if want := []rbacv1.PolicyRule{{APIGroups: []string{"apps", "batch"}, Resources: []string{"*"}, Verbs: []string{"list"}}}; granted && cmp.Diff(want, rulesOf(t, role)) != "" {
			t.Errorf("gates %q: rules are %v", gates, rulesOf(t, role))
		}
	}
}

// podEntries are the names of the entries for Pods.
func podEntries(mutating *admissionregistrationv1.MutatingWebhookConfiguration, validating *admissionregistrationv1.ValidatingWebhookConfiguration) map[string]bool {
	names := map[string]bool{}
	isPods := func(rules []admissionregistrationv1.RuleWithOperations) bool {
		return slices.ContainsFunc(rules, func(rule admissionregistrationv1.RuleWithOperations) bool {
			return slices.Contains(rule.APIGroups, corev1.GroupName) && slices.ContainsFunc(rule.Resources, func(r string) bool {
				resource, _, _ := strings.Cut(r, "/")
				return resource == "pods"
			})
		})
	}
	for _, w := range mutating.Webhooks {
		names[w.Name] = isPods(w.Rules)
	}
	for _, w := range validating.Webhooks {
		names[w.Name] = isPods(w.Rules)
	}
	return names
}

func TestWebhookValues(t *testing.T) { //nolint:gocyclo // a list of facts
	entries := podEntries(webhooksOf(t, render(t, "kruise")))
	if !entries["mpod.kb.io"] {
		t.Fatalf("there is no entry for Pods: %v", entries)
	}
	without := podEntries(webhooksOf(t, render(t, "kruise", "featureGates=PodWebhook=false")))
	for name, pods := range entries {
		if _, found := without[name]; found == pods {
			t.Errorf("PodWebhook=false: entry %s is rendered: %t", name, found)
		}
	}
	mutating, validating := webhooksOf(t, render(t, "kruise", "webhookConfiguration.timeoutSeconds=7", "webhookConfiguration.failurePolicy.pods=Ignore",
		"webhookConfiguration.aksIntegration=true", "webhookConfiguration.excludedNamespaces={infra}", "featureGates=KruisePodReadinessGate=true"))
	check := func(name string, timeout *int32, policy *admissionregistrationv1.FailurePolicyType, selector *metav1.LabelSelector) {
		want := admissionregistrationv1.Fail
		if entries[name] {
			want = admissionregistrationv1.Ignore
		}
		if timeout == nil || *timeout != 7 || policy == nil || *policy != want {
			t.Errorf("entry %s has time-out %v and failurePolicy %v, want 7 and %s", name, timeout, policy, want)
		}
		requirement := func(key, value string) bool {
			return selector != nil && slices.ContainsFunc(selector.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool {
				return r.Key == key && r.Operator == metav1.LabelSelectorOpNotIn && slices.Contains(r.Values, value)
			})
		}
		if !requirement("control-plane", "true") || !requirement("kubernetes.azure.com/managedby", "aks") {
			t.Errorf("entry %s does not leave out namespaces of AKS: %v", name, selector)
		}
		for _, namespace := range []string{"infra", "kube-system", "kruise-system"} {
			if requirement(corev1.LabelMetadataName, namespace) != entries[name] {
				t.Errorf("entry %s: namespace %s is left out: %t", name, namespace, !entries[name])
			}
		}
	}
	for _, w := range mutating.Webhooks {
		check(w.Name, w.TimeoutSeconds, w.FailurePolicy, w.NamespaceSelector)
		// until the manager widens it by its gates, no Pod but those of Kruise depends on it
		if entries[w.Name] && len(w.MatchConditions) == 0 {
			t.Errorf("entry %s is called for every Pod", w.Name)
		}
	}
	for _, w := range validating.Webhooks {
		check(w.Name, w.TimeoutSeconds, w.FailurePolicy, w.NamespaceSelector)
	}
}

func TestDeploymentValues(t *testing.T) {
	deployment := deploymentOf(t, render(t, "kruise", append(everything(), "manager.replicas=3")...))
	pod := deployment.Spec.Template.Spec
	container := pod.Containers[0]
	for what, right := range map[string]bool{
		"replicas":          *deployment.Spec.Replicas == 3,
		"priorityClassName": pod.PriorityClassName == "system-cluster-critical",
		"host network":      pod.HostNetwork && pod.DNSPolicy == corev1.DNSClusterFirstWithHostNet,
		"pull secrets":      len(pod.ImagePullSecrets) == 1 && pod.ImagePullSecrets[0].Name == "pull",
		"node affinity":     pod.Affinity.NodeAffinity != nil && pod.Affinity.PodAntiAffinity != nil,
		"node selector":     pod.NodeSelector["pool"] == "system",
		"tolerations":       len(pod.Tolerations) == 1,
		"annotations":       deployment.Spec.Template.Annotations["a"] == "b",
		"labels":            deployment.Spec.Template.Labels["c"] == "d" && deployment.Spec.Template.Labels["control-plane"] == "controller-manager",
		"image":             container.Image == "openkruise/kruise-manager:v2",
		"extra arguments":   slices.Contains(container.Args, "--cloneset-workers=7"),
		"variables": slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "CERTS_RENEW_BEFORE" && e.Value == "90d" }) &&
			slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "KUBE_CACHE_MUTATION_DETECTOR" && e.Value == "true" }),
		// a surge of Pods may find no free ports on nodes: an old one must be allowed to go first
		"rollout on the host network": deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() == 1,
	} {
		if !right {
			t.Errorf("%s: the Deployment is %+v", what, deployment.Spec)
		}
	}
	rollout := deploymentOf(t, render(t, "kruise")).Spec
	if u := rollout.Strategy.RollingUpdate; u.MaxUnavailable.IntValue() != 0 || u.MaxSurge.StrVal != "100%" || rollout.MinReadySeconds != 3 || *rollout.Replicas != 2 {
		t.Errorf("the rollout is %+v", rollout)
	}
}

func TestOptionalObjects(t *testing.T) {
	budget := as[policyv1.PodDisruptionBudget](t, render(t, "kruise").find(t, "PodDisruptionBudget", "kruise-controller-manager"))
	if diff := cmp.Diff(deploymentOf(t, render(t, "kruise")).Spec.Selector, budget.Spec.Selector); diff != "" || budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("the budget is %+v:\n%s", budget.Spec, diff)
	}
	rendered := render(t, "kruise", "manager.podDisruptionBudget.enabled=false", "installation.createNamespace=false")
	if rendered.find(t, "PodDisruptionBudget", "kruise-controller-manager") != nil || rendered.find(t, "Namespace", "kruise-system") != nil {
		t.Error("objects that are switched off are rendered")
	}
	if rendered.find(t, "ServiceMonitor", "kruise-manager") != nil || render(t, "kruise", everything()...).find(t, "ServiceMonitor", "kruise-manager") == nil {
		t.Error("the ServiceMonitor does not follow its value")
	}
	namespace := as[corev1.Namespace](t, render(t, "kruise").find(t, "Namespace", "kruise-system"))
	if namespace.Labels["control-plane"] != "openkruise" {
		t.Errorf("the namespace has labels %v", namespace.Labels)
	}
}

// Secured metrics need the right to review tokens, a way to give out the right to read, and a ServiceMonitor that knows them (manager
// specification 19.14).
func TestSecureMetrics(t *testing.T) {
	const monitor = "manager.metrics.serviceMonitor.enabled=true"
	plain := render(t, "kruise", monitor)
	if diff := cmp.Diff(map[string]any{"port": "metrics", "interval": "30s"}, endpointOf(t, plain)); diff != "" {
		t.Errorf("plain endpoint of the ServiceMonitor (-want +got):\n%s", diff)
	}
	secure := render(t, "kruise", monitor, "manager.metrics.secure=true", "installation.namespace=elsewhere")
	want := map[string]any{
		"port": "metrics", "interval": "30s", "scheme": "https", "bearerTokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token",
		"tlsConfig": map[string]any{
			"serverName": "kruise-webhook-service.elsewhere.svc",
			"ca":         map[string]any{"secret": map[string]any{"name": "kruise-webhook-certs", "key": "ca-cert.pem"}},
		},
	}
	if diff := cmp.Diff(want, endpointOf(t, secure)); diff != "" {
		t.Errorf("secure endpoint of the ServiceMonitor (-want +got):\n%s", diff)
	}
	for kind, name := range map[string]string{"ClusterRole": "kruise-metrics-reader", "ClusterRoleBinding": "kruise-metrics-auth-rolebinding"} {
		if plain.find(t, kind, name) != nil || secure.find(t, kind, name) == nil {
			t.Errorf("%s %s does not follow manager.metrics.secure", kind, name)
		}
	}
	if options(t, deploymentOf(t, plain)).MetricsSecure || !options(t, deploymentOf(t, secure)).MetricsSecure {
		t.Error("--metrics-secure does not follow manager.metrics.secure")
	}
}

// endpointOf returns the one endpoint of the ServiceMonitor.
func endpointOf(t *testing.T, o objects) map[string]any {
	t.Helper()
	monitor := o.find(t, "ServiceMonitor", "kruise-manager")
	if monitor == nil {
		t.Fatal("there is no ServiceMonitor")
	}
	endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
	if err != nil || len(endpoints) != 1 {
		t.Fatalf("endpoints %v: %v", endpoints, err)
	}
	return endpoints[0].(map[string]any)
}

// A bad value is refused with its path.
func TestBadValuesAreRefused(t *testing.T) {
	for _, test := range []struct {
		chart, value string
		says         []string
	}{
		{"kruise", "manager.replicas=-1", []string{"/manager/replicas", "0"}},
		{"kruise", "manager.replicas=two", []string{"/manager/replicas", "integer"}},
		{"kruise", "manager.replcas=2", []string{"/manager", "replcas"}},
		{"kruise", "manger.replicas=2", []string{"manger"}},
		{"kruise", "manager.webhook.port=70000", []string{"/manager/webhook/port", "65,535"}},
		{"kruise", "manager.log.level=high", []string{"/manager/log/level"}},
		{"kruise", "manager.loggingFormat=xml", []string{"/manager/loggingFormat", "json"}},
		{"kruise", "manager.resyncPeriod=often", []string{"/manager/resyncPeriod"}},
		{"kruise", "manager.resources.limits.memory=lots", []string{"/manager/resources/limits/memory"}},
		{"kruise", "manager.extraArgs={v=4}", []string{"/manager/extraArgs/0"}},
		{"kruise", "manager.podDisruptionBudget.maxUnavailable=0", []string{"/manager/podDisruptionBudget/maxUnavailable"}},
		{"kruise", "webhookConfiguration.timeoutSeconds=31", []string{"/webhookConfiguration/timeoutSeconds", "30"}},
		{"kruise", "webhookConfiguration.failurePolicy.pods=Maybe", []string{"/webhookConfiguration/failurePolicy/pods", "Ignore"}},
		{"kruise", "installation.namespace=Kruise", []string{"/installation/namespace"}},
		{"kruise", "featureGates=PodWebhook", []string{"/featureGates"}},
		{"kruise", "kinds.CloneSets=false", []string{"kinds.CloneSets", "CloneSet"}},
		{"kruise", "kinds.CloneSet=off", []string{"/kinds/CloneSet", "boolean"}},
		{"kruise-crds", "kinds.CloneSets=false", []string{"kinds.CloneSets", "CloneSet"}},
		{"kruise-crds", "kinds.CloneSet=off", []string{"/kinds/CloneSet", "boolean"}},
		{"kruise-crds", "crds.keep=false", []string{"crds"}},
	} {
		_, err := template(t, test.chart, test.value)
		if err == nil {
			t.Errorf("%s: %s is taken", test.chart, test.value)
			continue
		}
		for _, text := range test.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the refusal of %s does not say %q: %v", test.chart, test.value, text, err)
			}
		}
	}
}

// Every gate by itself and all at once: the chart gives the manager what it understands, on and off.
func TestEveryGate(t *testing.T) {
	published := options(t, deploymentOf(t, render(t, "kruise"))).Gates
	for _, gate := range []featuregate.Feature{features.PodWebhook, features.KruisePodReadinessGate, features.CloneSetShortHash} {
		for text, want := range map[string]bool{"true": true, "false": false} {
			gates := options(t, deploymentOf(t, render(t, "kruise", "featureGates="+string(gate)+"="+text))).Gates
			if gates.Enabled(gate) != want {
				t.Errorf("gate %s=%s is %t", gate, text, gates.Enabled(gate))
			}
		}
	}
	if published.Enabled(features.EnableExternalCerts) {
		t.Error("external certificates are on by default")
	}
}
