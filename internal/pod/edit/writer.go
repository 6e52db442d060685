// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Writer writes edits to the API server.
type Writer struct {
	client client.Client
	live   client.Reader
	// resize says that the API server has the subresource pods/resize; else resources are written with the Pod.
	resize bool
}

// NewWriter gives a Writer that writes through c and, where a cache would be too old, reads through live. The flag resize says that
// the API server has the subresource pods/resize.
func NewWriter(c client.Client, live client.Reader, resize bool) *Writer {
	return &Writer{client: c, live: live, resize: resize}
}

// ResizeRefusedError says that the API server or admission does not let the resources of this Pod be changed; trying again does not
// help. The parts of the edit that come after the resize have not been written.
type ResizeRefusedError struct{ Err error }

// Error says what was refused and why.
func (e *ResizeRefusedError) Error() string { return "resize refused: " + e.Err.Error() }

// Unwrap gives the answer of the API server.
func (e *ResizeRefusedError) Unwrap() error { return e.Err }

// Live reads the Pod past every cache. A Pod of the same name with another UID counts as not found.
func (w *Writer) Live(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	live := &corev1.Pod{}
	if err := w.live.Get(ctx, client.ObjectKeyFromObject(pod), live); err != nil {
		return nil, fmt.Errorf("read pod %s: %w", pod.Name, err)
	}
	if live.UID != pod.UID {
		return nil, apierrors.NewNotFound(corev1.Resource("pods"), pod.Name)
	}
	return live, nil
}

// Apply writes the edit to the Pod, and returns the Pod as the API server returned it last; without any write that is the Pod
// passed in, which is never changed. When a write fails after another one has succeeded, it returns the Pod of that one with the error.
//
// The writes are, where needed, in this order and each on the version that the one before returned: the status, because a Pod leaves
// traffic before its containers change; the resources, because they may be refused; the Pod itself. Labels and annotations go out
// with the Pod, or with the status when nothing else of the Pod changes, since that writes metadata as well.
func (w *Writer) Apply(ctx context.Context, pod *corev1.Pod, e Edit) (*corev1.Pod, error) {
	resize, inPod := e.Resources, map[string]corev1.ResourceRequirements(nil)
	if !w.resize {
		resize, inPod = nil, e.Resources
	}
	inMetadata := len(e.Labels)+len(e.Annotations) > 0
	viaPod := e.editsPod() || len(inPod) > 0 || inMetadata && len(resize) > 0
	newest := pod
	var err error
	if len(e.Conditions) > 0 || inMetadata && !viaPod {
		if newest, err = w.patchStatus(ctx, newest, &e, !viaPod); err != nil {
			return newest, err
		}
	}
	if len(resize) > 0 {
		if newest, err = w.patchResources(ctx, newest, &e); err != nil {
			return newest, err
		}
	}
	if viaPod {
		newest, err = w.patchPod(ctx, newest, &e, inPod)
	}
	return newest, err
}

func (w *Writer) patchStatus(ctx context.Context, pod *corev1.Pod, e *Edit, withMetadata bool) (*corev1.Pod, error) {
	patch, err := patchOf(pod, e, withMetadata, nil)
	if err != nil {
		return pod, err
	}
	if len(e.Conditions) > 0 {
		conditions := make([]any, len(e.Conditions))
		for i := range e.Conditions {
			conditions[i] = conditionPatch(&e.Conditions[i])
		}
		patch["status"] = map[string]any{"conditions": conditions}
	}
	return w.patch(pod, patch, "patch status", func(written *corev1.Pod, p client.Patch) error {
		return w.client.Status().Patch(ctx, written, p)
	})
}

func (w *Writer) patchResources(ctx context.Context, pod *corev1.Pod, e *Edit) (*corev1.Pod, error) {
	patch := map[string]any{
		"metadata": preconditions(pod, e),
		"spec":     map[string]any{"containers": containerPatches(nil, e.Resources)},
	}
	return w.patch(pod, patch, "resize", func(written *corev1.Pod, p client.Patch) error {
		err := w.client.SubResource("resize").Patch(ctx, written, p)
		if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			return &ResizeRefusedError{Err: err}
		}
		return err
	})
}

func (w *Writer) patchPod(ctx context.Context, pod *corev1.Pod, e *Edit, resources map[string]corev1.ResourceRequirements) (*corev1.Pod, error) {
	patch, err := patchOf(pod, e, true, e.Metadata)
	if err != nil {
		return pod, err
	}
	if len(e.Images)+len(resources) > 0 {
		patch["spec"] = map[string]any{"containers": containerPatches(e.Images, resources)}
	}
	return w.patch(pod, patch, "patch", func(written *corev1.Pod, p client.Patch) error {
		err := w.client.Patch(ctx, written, p)
		if len(resources) > 0 && (apierrors.IsInvalid(err) || apierrors.IsForbidden(err)) {
			return &ResizeRefusedError{Err: err}
		}
		return err
	})
}

// patch sends a strategic merge patch and returns the Pod that came back, or the one before when it failed.
func (w *Writer) patch(pod *corev1.Pod, patch map[string]any, doing string, send func(*corev1.Pod, client.Patch) error) (*corev1.Pod, error) {
	data, err := json.Marshal(patch)
	if err != nil {
		return pod, fmt.Errorf("encode patch of pod %s: %w", pod.Name, err)
	}
	written := &corev1.Pod{}
	written.Namespace, written.Name = pod.Namespace, pod.Name
	if err := send(written, client.RawPatch(types.StrategicMergePatchType, data)); err != nil {
		return pod, fmt.Errorf("%s of pod %s: %w", doing, pod.Name, err)
	}
	return written, nil
}
