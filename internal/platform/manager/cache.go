// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
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
			&corev1.Pod{}: {Transform: trimmed(trimPod)},
			&corev1.Secret{}: {Namespaces: map[string]cache.Config{
				o.Environment.Namespace: {FieldSelector: named(o.Environment.SecretName)},
			}},
			&admissionregistrationv1.MutatingWebhookConfiguration{}:   {Field: named(webhook.MutatingConfigurationName)},
			&admissionregistrationv1.ValidatingWebhookConfiguration{}: {Field: named(webhook.ValidatingConfigurationName)},
		},
	}
	if o.Namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}}
	}
	return options
}

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

// trimPod drops how a Pod is probed, secured, mounted and scheduled: that is between kubelet, scheduler and the Pod.
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
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			c := &containers[i]
			c.Args, c.Command = nil, nil
			c.LivenessProbe, c.ReadinessProbe, c.StartupProbe = nil, nil, nil
			c.SecurityContext = nil
			c.VolumeDevices, c.VolumeMounts = nil, nil
		}
	}
}
