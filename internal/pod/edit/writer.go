// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
// help. The other parts of the edit have been written, unless the resources are a part of the Pod itself.
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

// Apply writes the edit to the Pod. It returns the metadata of the Pod as the last write left it, also when a later one failed; nil
// when nothing was written. The Pod passed in is never changed. The answers are asked for as metadata only: they tell the new
// version, and decoding whole Pods would cost more than all else about a write.
//
// The writes are, where needed, in this order and each on the version that the one before returned: the status, because a Pod leaves
// traffic before its containers change; the Pod itself, whose metadata say what is being done to it; the resources, which may be
// refused. Labels and annotations go out with the Pod, or with the status when nothing else of the Pod changes, since that writes
// metadata as well.
func (w *Writer) Apply(ctx context.Context, pod *corev1.Pod, e Edit) (*metav1.PartialObjectMetadata, error) {
	resize, inPod := e.Resources, map[string]corev1.ResourceRequirements(nil)
	if !w.resize {
		resize, inPod = nil, e.Resources
	}
	viaPod := e.editsPod() || len(inPod) > 0
	s := &sequence{client: w.client, edit: &e, pod: pod, version: pod.ResourceVersion}
	if e.editsStatus() || !viaPod && len(e.Labels)+len(e.Annotations) > 0 {
		if err := s.patchStatus(ctx, !viaPod); err != nil {
			return s.written, err
		}
	}
	if viaPod {
		if err := s.patchPod(ctx, inPod); err != nil {
			return s.written, err
		}
	}
	if len(resize) > 0 {
		if err := s.patchResources(ctx); err != nil {
			return s.written, err
		}
	}
	return s.written, nil
}

// sequence is the writes of one edit, one after another.
type sequence struct {
	client client.Client
	edit   *Edit
	pod    *corev1.Pod
	// version is that of the Pod by now.
	version string
	// written is what the last write returned.
	written *metav1.PartialObjectMetadata
}

func (s *sequence) patchStatus(ctx context.Context, withMetadata bool) error {
	metadata, err := s.metadata(withMetadata, nil)
	if err != nil {
		return err
	}
	patch := map[string]any{"metadata": metadata}
	if s.edit.editsStatus() {
		patch["status"] = statusPatch(s.edit)
	}
	return s.patch("patch status", patch, func(written client.Object, p client.Patch) error {
		return s.client.Status().Patch(ctx, written, p)
	})
}

func (s *sequence) patchResources(ctx context.Context) error {
	patch := map[string]any{
		"metadata": s.preconditions(),
		"spec":     map[string]any{"containers": containerPatches(s.pod.Spec.Containers, nil, s.edit.Resources)},
	}
	return s.patch("resize", patch, func(written client.Object, p client.Patch) error {
		return refusedResize(s.client.SubResource("resize").Patch(ctx, written, p))
	})
}

func (s *sequence) patchPod(ctx context.Context, resources map[string]corev1.ResourceRequirements) error {
	metadata, err := s.metadata(true, s.edit.Metadata)
	if err != nil {
		return err
	}
	patch := map[string]any{"metadata": metadata}
	if spec := specPatch(&s.pod.Spec, s.edit.Images, resources); len(spec) > 0 {
		patch["spec"] = spec
	}
	return s.patch("patch", patch, func(written client.Object, p client.Patch) error {
		err := s.client.Patch(ctx, written, p)
		if len(resources) > 0 {
			err = refusedResize(err)
		}
		return err
	})
}

// refusedResize tells a refusal of new resources from other errors.
func refusedResize(err error) error {
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
		return &ResizeRefusedError{Err: err}
	}
	return err
}

// patch sends a strategic merge patch.
func (s *sequence) patch(doing string, patch map[string]any, send func(client.Object, client.Patch) error) error {
	data, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode patch of pod %s: %w", s.pod.Name, err)
	}
	written := &metav1.PartialObjectMetadata{}
	written.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	written.Namespace, written.Name = s.pod.Namespace, s.pod.Name
	if err := send(written, client.RawPatch(types.StrategicMergePatchType, data)); err != nil {
		return fmt.Errorf("%s of pod %s: %w", doing, s.pod.Name, err)
	}
	s.written, s.version = written, written.ResourceVersion
	return nil
}
