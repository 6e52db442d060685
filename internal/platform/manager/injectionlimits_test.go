// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/config"
)

// awaitInjection waits until new Pods of the app get a sidecar.
func awaitInjection(t *testing.T, namespace, app string, within time.Duration) {
	t.Helper()
	eventually(t, within, func(ctx context.Context) error {
		pod := labelled(namespace, app)
		if err := env.Client.Create(ctx, pod, client.DryRunAll); err != nil {
			return err
		}
		if len(pod.Spec.Containers) != 2 {
			return errors.New("not injected")
		}
		return nil
	})
}

// As many SidecarSets as the condition has room for cost API servers no more than they allow, also for the largest Pods; with more it says less of each,
// and still keeps Pods away that none of them matches.
func TestManySidecarSets(t *testing.T) {
	r := &replica{}
	r.run(t, install(t), kinds, outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	long := strings.Repeat("x", 40)
	fill := func(from, to int, until func(condition string) bool) {
		t.Helper()
		for i := from; i < to; i++ {
			sidecarSet(t, fmt.Sprintf("%s-%d", long, i), func(set *v1beta1.SidecarSet) {
				// a clause of its own
				set.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: fmt.Sprintf("without-%d", i), Operator: metav1.LabelSelectorOpDoesNotExist}}
			})
		}
		eventually(t, 10*time.Second, func(context.Context) error {
			if condition := podCondition(t); !until(condition) {
				return fmt.Errorf("condition of %d bytes", len(condition))
			}
			return nil
		})
	}
	fill(0, 25, func(c string) bool { return strings.Contains(c, long+"-24'") })
	t.Logf("a condition of %d bytes", len(podCondition(t)))
	awaitInjection(t, namespace, long+"-24", 5*time.Second)
	// As many variables as a request has room for.
	huge := labelled(namespace, "none")
	huge.Spec.Containers = append(huge.Spec.Containers, corev1.Container{Name: "huge", Image: "app:1"})
	for i := range 40_000 {
		huge.Spec.Containers[1].Env = append(huge.Spec.Containers[1].Env, corev1.EnvVar{Name: fmt.Sprintf("A%d", i)})
	}
	if err := env.Client.Create(t.Context(), huge, client.DryRunAll); err != nil {
		t.Errorf("a large Pod that nothing matches: %v", err)
	}
	fill(25, 80, func(c string) bool { return strings.Contains(c, long+"-79'") && !strings.Contains(c, "without-") })
	awaitInjection(t, namespace, long+"-79", 5*time.Second)
}

// Pods start while the kind is not installed, and get sidecars as soon as it is.
func TestInjectionOfAKindThatComesLater(t *testing.T) {
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	var crd *apiextensionsv1.CustomResourceDefinition
	for i := range crds {
		if crds[i].Spec.Names.Kind == "SidecarSet" {
			crd = crds[i]
		}
	}
	live := &apiextensionsv1.CustomResourceDefinition{}
	if err := env.Client.Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func(ctx context.Context) error {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(crd), live); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the CRD is still there: %w", err)
		}
		return nil
	})
	r := &replica{}
	r.run(t, install(t), kinds, outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	ordered := bare(namespace, nil, nil)
	ordered.Annotations = map[string]string{"apps.kruise.io/container-launch-priority": "Ordered"}
	if err := env.Client.Create(t.Context(), ordered); err != nil {
		t.Errorf("a Pod that another step changes: %v", err)
	}
	crd.ResourceVersion = ""
	if err := env.Client.Create(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(crd), live); err != nil {
			return err
		}
		for _, c := range live.Status.Conditions {
			if c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue {
				return nil
			}
		}
		return errors.New("the CRD is not established")
	})
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		return env.Client.List(ctx, &v1beta1.SidecarSetList{})
	})
	set := sidecarSet(t, "late", nil)
	start := time.Now()
	awaitInjection(t, namespace, set.Name, 15*time.Second)
	t.Logf("injected %s after the first SidecarSet of a kind that came later", time.Since(start))
}

// Replicas write the same, also one that begins and knows nothing yet: what SidecarSets ask for is in the entry all the time.
func TestReplicasAgreeOnTheScope(t *testing.T) {
	restConfig := install(t)
	first := &replica{}
	first.run(t, restConfig, kinds, outside())
	first.awaitReady(t, 10*time.Second)
	sidecarSet(t, "held", nil)
	// A replica that finds no entry makes one for every Pod, until it knows better: this is not about that one.
	eventually(t, 10*time.Second, func(context.Context) error {
		if condition := podCondition(t); !strings.Contains(condition, "'held'") {
			return fmt.Errorf("the condition is %s", condition)
		}
		return nil
	})

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watching, err := client.NewWithWatch(env.Config, client.Options{Scheme: env.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := watching.Watch(ctx, &admissionregistrationv1.MutatingWebhookConfigurationList{})
	if err != nil {
		t.Fatal(err)
	}
	// all replicas are called at one address
	address := map[string]string{"WEBHOOK_PORT": strconv.Itoa(first.port)}
	first.stop()
	<-first.done
	second := &replica{}
	maps.Copy(address, outside())
	second.run(t, restConfig, kinds, address)
	second.awaitReady(t, 10*time.Second)
	sidecarSet(t, "more", nil)
	awaitInjection(t, env.Namespace(t), "more", 5*time.Second)
	cancel()
	writes := 0
	for event := range watcher.ResultChan() {
		c, ok := event.Object.(*admissionregistrationv1.MutatingWebhookConfiguration)
		if !ok {
			continue
		}
		writes++
		for _, w := range c.Webhooks {
			if w.Name == "mpod.kb.io" && !strings.Contains(w.MatchConditions[1].Expression, "'held'") {
				t.Errorf("not for Pods of a SidecarSet that is there: %s", w.MatchConditions[1].Expression)
			}
		}
	}
	if writes < 2 || writes > 3 { // as it was, perhaps a new address, and the other SidecarSet
		t.Errorf("%d versions of the configuration", writes)
	}
}
