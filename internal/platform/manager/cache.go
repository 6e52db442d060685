// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/internal/platform/webhook"
)

// cacheOptions say what the caches hold. Everything in them costs memory per object of the cluster: nothing is kept that no controller
// reads, and of Secrets and webhook configurations only the product's own.
func cacheOptions(o *Options, scheme *runtime.Scheme) cache.Options {
	options := cache.Options{
		Scheme:           scheme,
		SyncPeriod:       o.SyncPeriod,
		DefaultTransform: trimmed(func(client.Object) {}),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}: {Transform: PodTransform()},
			&corev1.Secret{}: {Namespaces: map[string]cache.Config{
				o.Environment.Namespace: {FieldSelector: named(o.Environment.SecretName)},
			}},
			&admissionregistrationv1.MutatingWebhookConfiguration{}:   {Field: named(webhook.MutatingConfigurationName)},
			&admissionregistrationv1.ValidatingWebhookConfiguration{}: {Field: named(webhook.ValidatingConfigurationName)},
		},
	}
	if o.Namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}}
		// those of cluster-scoped kinds are in the manager's own namespace
		options.ByObject[&appsv1.ControllerRevision{}] = cache.ByObject{Namespaces: map[string]cache.Config{o.Namespace: {}, o.Environment.Namespace: {}}}
	}
	return options
}

// PodTransform makes of a Pod what the cache keeps of it. The scale tests measure with it what it saves.
func PodTransform() toolscache.TransformFunc { return trimmed(trimPod) }

func named(name string) fields.Selector {
	return fields.OneTermEqualSelector(metav1.ObjectNameField, name)
}

// trimmed drops what no controller reads from any object: the managed fields, and the copy of the manifest that kubectl apply leaves;
// trim drops more. Objects from these caches are the base of patches, which leave dropped fields alone, and never of updates.
func trimmed(trim func(client.Object)) toolscache.TransformFunc {
	return func(in any) (any, error) {
		accessor, err := meta.Accessor(in)
		if err != nil {
			// Not an object, such as the tombstone of a missed deletion: pass it on.
			return in, nil //nolint:nilerr // See above.
		}
		if accessor.GetManagedFields() != nil {
			accessor.SetManagedFields(nil)
		}
		if annotations := accessor.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
			delete(annotations, corev1.LastAppliedConfigAnnotation)
			accessor.SetAnnotations(annotations)
		}
		if object, ok := in.(client.Object); ok {
			trim(object)
		}
		return in, nil
	}
}

// trimPod drops how a Pod is probed, secured, mounted, reached and scheduled: that is between kubelet, scheduler and the Pod. What is left has
// equal parts once.
func trimPod(object client.Object) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	spec := &pod.Spec
	spec.Affinity = nil
	spec.DNSConfig = nil
	spec.HostAliases = nil
	spec.ImagePullSecrets = nil
	spec.SecurityContext = nil
	spec.Tolerations = nil
	spec.TopologySpreadConstraints = nil
	spec.Volumes = nil
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			trimContainer(&containers[i])
		}
	}
	trimStatus(pod)
}

func trimContainer(c *corev1.Container) {
	c.Args, c.Command, c.EnvFrom, c.Ports = nil, nil, nil, nil
	c.LivenessProbe, c.ReadinessProbe, c.StartupProbe, c.Lifecycle = nil, nil, nil, nil
	c.SecurityContext = nil
	c.VolumeDevices, c.VolumeMounts = nil, nil
	share(&c.Resources.Requests, c.Resources.Limits)
}

func trimStatus(pod *corev1.Pod) {
	status := &pod.Status
	status.HostIP, status.HostIPs, status.PodIP, status.PodIPs = "", nil, "", nil
	status.ResourceClaimStatuses = nil
	for _, statuses := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for i := range statuses {
			s := &statuses[i]
			s.AllocatedResources, s.AllocatedResourcesStatus, s.VolumeMounts, s.User = nil, nil, nil, nil
			s.LastTerminationState = corev1.ContainerState{}
			if at := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == s.Name }); at >= 0 && s.Resources != nil {
				share(&s.Resources.Limits, pod.Spec.Containers[at].Resources.Limits)
				share(&s.Resources.Requests, pod.Spec.Containers[at].Resources.Requests)
			}
		}
	}
	// a list of its own, because the one from decoding has room for many more
	status.Conditions = slices.Clone(slices.DeleteFunc(status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodScheduled || c.Type == corev1.PodInitialized || c.Type == corev1.PodReadyToStartContainers
	}))
}

// share makes the list be the other one when both say the same. Most lists of a Pod do, and each is a map of its own, which is most of
// what a cached Pod takes.
func share(list *corev1.ResourceList, other corev1.ResourceList) {
	if len(*list) != len(other) {
		return
	}
	for name, quantity := range *list {
		if same, ok := other[name]; !ok || same.Cmp(quantity) != 0 {
			return
		}
	}
	*list = other
}
