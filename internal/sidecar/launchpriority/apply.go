// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/internal/pod/launch"
)

// configMap reads the ConfigMap of the Pod past every cache; nil when there is none.
func (r *reconciler) configMap(ctx context.Context, pod *corev1.Pod) (*corev1.ConfigMap, error) {
	configMap := &corev1.ConfigMap{}
	err := r.live.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: launch.ConfigMapName(pod.Name)}, configMap)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // No ConfigMap is a valid answer.
	}
	if err != nil {
		return nil, fmt.Errorf("read the launch barrier: %w", err)
	}
	return configMap, nil
}

// release makes a step that writes the keys.
func (r *reconciler) release(ctx context.Context, pod *corev1.Pod, next step, keys []string, configMap *corev1.ConfigMap) error {
	data := make(map[string]string, len(keys))
	for _, key := range keys {
		data[key] = "true"
	}
	switch next {
	case create:
		return r.create(ctx, pod, data)
	case extend:
		return r.extend(ctx, configMap, data)
	case replace:
		return r.replace(ctx, pod, data, configMap)
	default:
		return nil
	}
}

// create makes the ConfigMap with the keys in it. The Pod owns it without controlling it, and it lives as long as the Pod, because
// containers that restart need the keys again.
func (r *reconciler) create(ctx context.Context, pod *corev1.Pod, data map[string]string) error {
	err := r.client.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: launch.ConfigMapName(pod.Name),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}},
		},
		Data: data,
	})
	if err != nil {
		return fmt.Errorf("create the launch barrier: %w", err)
	}
	return nil
}

// extend adds keys to just this ConfigMap.
func (r *reconciler) extend(ctx context.Context, configMap *corev1.ConfigMap, data map[string]string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": configMap.UID}, "data": data})
	if err != nil {
		return fmt.Errorf("encode patch of the launch barrier: %w", err)
	}
	patched := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: configMap.Namespace, Name: configMap.Name}}
	if err := r.client.Patch(ctx, patched, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("extend the launch barrier: %w", err)
	}
	return nil
}

// replace puts a ConfigMap of this Pod in the place of one of an earlier Pod. It first makes sure that this Pod is not itself the earlier
// one, which the cache may not have noticed yet.
func (r *reconciler) replace(ctx context.Context, pod *corev1.Pod, data map[string]string, stale *corev1.ConfigMap) error {
	if _, err := r.writer.Live(ctx, pod); err != nil {
		return err
	}
	err := r.client.Delete(ctx, stale, client.Preconditions{UID: &stale.UID, ResourceVersion: &stale.ResourceVersion})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the launch barrier of an earlier pod %s: %w", pod.Name, err)
	}
	return r.create(ctx, pod, data)
}
