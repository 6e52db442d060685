// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// workload is a CloneSet whose Pods must live through whatever happens to the manager.
type workload struct {
	*observe.Namespace

	client client.Client
	set    *v1beta1.CloneSet
	// pods are the UIDs of its Pods by name.
	pods map[string]types.UID
}

// startWorkload creates a CloneSet of three Pods and waits until they are available.
func startWorkload(t *testing.T, e *environment) *workload {
	t.Helper()
	w := &workload{Namespace: e.workloads(t), client: e.Client, set: fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.InPlaceIfPossible())}
	if err := e.Client.Create(t.Context(), w.set); err != nil {
		t.Fatal(err)
	}
	w.await(t, 3, fixtures.Image)
	w.pods = w.uids()
	return w
}

func (w *workload) uids() map[string]types.UID {
	uids := map[string]types.UID{}
	for _, pod := range w.View().PodsOf(w.set.Name) {
		uids[pod.Name] = pod.UID
	}
	return uids
}

// await waits until status and Pods tell of so many available Pods with the image.
func (w *workload) await(t *testing.T, replicas int32, image string) {
	t.Helper()
	err := w.Eventually(t.Context(), within, func(v observe.View) error {
		set := v.CloneSets[w.set.Name]
		if set == nil {
			return errors.New("there is no CloneSet")
		}
		if s := set.Status; s.ObservedGeneration != set.Generation || s.Replicas != replicas || s.UpdatedAvailableReplicas != replicas {
			return fmt.Errorf("generation %d, status %+v", set.Generation, s)
		}
		pods := v.PodsOf(w.set.Name)
		for _, pod := range pods {
			if observe.ImageOf(pod, fixtures.Container) != image || !observe.Available(pod) {
				return errors.New(observe.PodLine(pod))
			}
		}
		if len(pods) != int(replicas) {
			return fmt.Errorf("%d Pods", len(pods))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.View().Picture())
	}
}

// patch changes the CloneSet.
func (w *workload) patch(t *testing.T, patch string) {
	t.Helper()
	if err := w.client.Patch(t.Context(), w.set.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// setImage changes the image in place.
func (w *workload) setImage(t *testing.T, image string) {
	t.Helper()
	patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":%q}]`, image)
	if err := w.client.Patch(t.Context(), w.set.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
	w.await(t, 3, image)
}

// alive fails when the CloneSet cannot be read, or one of its first Pods is gone, or was restarted other than by changing the image in place.
func (w *workload) alive(t *testing.T, restarts int32) {
	t.Helper()
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(w.set), &v1beta1.CloneSet{}); err != nil {
		t.Errorf("the CloneSet cannot be read: %v", err)
	}
	for name, uid := range w.pods {
		pod := &corev1.Pod{}
		if err := w.client.Get(t.Context(), types.NamespacedName{Namespace: w.set.Namespace, Name: name}, pod); err != nil {
			t.Error(err)
			continue
		}
		if pod.UID != uid || !observe.Active(pod) || observe.Restarts(pod, fixtures.Container) != restarts {
			t.Errorf("not the Pod of UID %s with %d restarts: %s", uid, restarts, observe.PodLine(pod))
		}
	}
}

// withoutWebhooks fails when a webhook configuration is there.
func (e *environment) withoutWebhooks(t *testing.T) {
	t.Helper()
	e.absent(t, &admissionregistrationv1.MutatingWebhookConfiguration{}, mutatingName)
	e.absent(t, &admissionregistrationv1.ValidatingWebhookConfiguration{}, validatingName)
}

// From nothing by the documented commands, through everything that may happen to an installation, to nothing.
func TestHelm(t *testing.T) {
	e := needSite(t)
	if _, err := e.helm.Run(t.Context(), "install", "kruise", e.helm.Chart("kruise")); err == nil || !strings.Contains(err.Error(), "kruise-crds first") {
		t.Fatalf("installing before the CRDs: %v", err)
	}
	e.documented(t, "Helm")
	e.managers(t, 2)
	web := startWorkload(t, e)
	web.setImage(t, "playground/web:v2")
	web.alive(t, 1)

	upgrade(t, e, web)
	web.setImage(t, "playground/web:v3")
	web.alive(t, 2)

	e.documented(t, "Helm/Uninstall")
	e.gone(t, "namespace", namespace)
	e.withoutWebhooks(t)
	web.alive(t, 2)
	// nothing is fail-closed: what needs no conversion is written
	web.patch(t, `{"spec":{"replicas":4}}`)

	e.documented(t, "Helm")
	e.managers(t, 2)
	web.await(t, 4, "playground/web:v3")
	web.alive(t, 2)

	e.deleteEverything(t)
	for name := range web.pods {
		e.gone(t, "pod", name)
	}
}

// deleteEverything leaves nothing, by the documented commands.
func (e *environment) deleteEverything(t *testing.T) {
	t.Helper()
	commands, err := e.docs.block("Helm/Uninstall", "sh", 1)
	if err != nil {
		t.Fatal(err)
	}
	e.run(t, commands)
	e.gone(t, "namespace", namespace)
	e.absent(t, &apiextensionsv1.CustomResourceDefinition{}, "clonesets.apps.kruise.io")
	e.withoutWebhooks(t)
}

// upgrade replaces all replicas under load. No request fails; what makes API servers trust the manager stays.
func upgrade(t *testing.T, e *environment, web *workload) {
	t.Helper()
	secret, service := &corev1.Secret{}, &corev1.Service{}
	get := func(name string, object client.Object) {
		t.Helper()
		if err := e.Client.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, object); err != nil {
			t.Fatal(err)
		}
	}
	get("kruise-webhook-certs", secret)
	get("kruise-webhook-service", service)
	before := map[types.UID]bool{}
	for _, pod := range e.managers(t, 2) {
		before[pod.UID] = true
	}
	release := holdTrust(t, e.Client)
	load := startTraffic(t, e.Client, web.set)
	const flags = " --reuse-values --wait --timeout 3m"
	e.run(t, "helm upgrade kruise-crds charts/kruise-crds"+flags)
	e.run(t, "helm upgrade kruise charts/kruise --set manager.podAnnotations.rolled=again --set webhookConfiguration.timeoutSeconds=20"+flags)
	for _, pod := range e.managers(t, 2) {
		if before[pod.UID] {
			t.Errorf("Pod %s is not new", pod.Name)
		}
	}
	load.allPassed(t)
	release()
	newSecret, newService, configuration := &corev1.Secret{}, &corev1.Service{}, &admissionregistrationv1.MutatingWebhookConfiguration{}
	get("kruise-webhook-certs", newSecret)
	get("kruise-webhook-service", newService)
	if diff := cmp.Diff(secret.Data, newSecret.Data); diff != "" || len(newSecret.Data["cert.pem"]) == 0 {
		t.Error("the certificate is another one")
	}
	if service.Spec.ClusterIP != newService.Spec.ClusterIP {
		t.Errorf("the Service went from %s to %s", service.Spec.ClusterIP, newService.Spec.ClusterIP)
	}
	get(mutatingName, configuration)
	for _, entry := range configuration.Webhooks {
		if *entry.TimeoutSeconds != 20 {
			t.Errorf("entry %s has time-out %d after the upgrade, want 20", entry.Name, *entry.TimeoutSeconds)
		}
	}
}

func TestPlainManifests(t *testing.T) {
	e := needSite(t)
	overlay, err := e.docs.block("Plain manifests", "yaml", 0)
	if err != nil {
		t.Fatal(err)
	}
	// kustomize follows relative paths alone, and no symbolic links in them
	folder, err := os.MkdirTemp("", "kruise-overlay-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	there, err := filepath.Rel(folder, filepath.Join(e.Root, "config", "default"))
	if err != nil {
		t.Fatal(err)
	}
	overlay = strings.Replace(overlay, "../kruise/config/default", there, 1)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(overlay), 0o600); err != nil {
		t.Fatal(err)
	}
	commands, err := e.docs.block("Plain manifests", "sh", 0)
	if err != nil {
		t.Fatal(err)
	}
	commands = strings.Replace(commands, "config/default", folder, 1)
	e.run(t, commands)
	e.managers(t, 2)
	web := startWorkload(t, e)
	web.setImage(t, "playground/web:v2")

	// applying again changes nothing, and refuses nothing
	release := holdTrust(t, e.Client)
	load := startTraffic(t, e.Client, web.set)
	e.run(t, commands)
	web.setImage(t, "playground/web:v3")
	load.allPassed(t)
	release()

	e.documented(t, "Plain manifests/Uninstall")
	e.gone(t, "namespace", namespace)
	e.withoutWebhooks(t)
	web.alive(t, 2)
	e.run(t, "kubectl delete clonesets --all --all-namespaces --cascade=foreground; kubectl delete -k config/crd")
	for name := range web.pods {
		e.gone(t, "pod", name)
	}
}

// A release that has the CRDs, as those of OpenKruise's chart do, is not upgraded into losing them.
func TestReleaseWithCRDs(t *testing.T) {
	e := needSite(t)
	chart := filepath.Join(e.folder, "earlier")
	crd, err := os.ReadFile(filepath.Join(e.Root, "config", "crd", "apps.kruise.io_clonesets.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(chart, "templates"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: kruise\nversion: 1.8.0\n",
		// something of it must change hands
		"templates/crd.yaml":  strings.ReplaceAll(string(crd), "The number of pods", "How many pods"),
		"../your-values.yaml": "manager: {image: {repository: " + team + "/kruise-manager, tag: v1}}\n",
	} {
		if err := os.WriteFile(filepath.Join(chart, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// as Helm 3 does
	e.run(t, "helm install kruise earlier --server-side=false")
	e.run(t, "kubectl wait --for=condition=Established crd/clonesets.apps.kruise.io")
	set := fixtures.CloneSet("kept")
	if err := e.Client.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	_, err = e.shell(t.Context(), e.folder, "helm upgrade kruise charts/kruise -f your-values.yaml")
	if err == nil || !strings.Contains(err.Error(), "belongs to this release") || !strings.Contains(err.Error(), "helm.sh/resource-policy=keep") {
		t.Fatalf("the upgrade that deletes the CRDs: %v", err)
	}
	e.documented(t, "Helm/From OpenKruise's chart")
	e.managers(t, 2)
	web := &workload{Namespace: e.workloads(t), client: e.Client, set: set}
	web.await(t, 1, fixtures.Image)
	kept := &v1beta1.CloneSet{}
	if err := e.Client.Get(t.Context(), client.ObjectKeyFromObject(set), kept); err != nil || kept.UID != set.UID {
		t.Errorf("the CloneSet of before is not there: %v", err)
	}
	// a kind whose CRD is there cannot be left out
	_, err = e.shell(t.Context(), e.folder, "helm upgrade kruise charts/kruise -f your-values.yaml --set kinds.CloneSet=false")
	if err == nil || !strings.Contains(err.Error(), "kinds.CloneSet=false") {
		t.Errorf("leaving out a kind whose CRD is there: %v", err)
	}
	e.deleteEverything(t)
}
