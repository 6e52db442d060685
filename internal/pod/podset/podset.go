// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package podset is about which Pods and claims a workload owns: finding them through the cache by the UID of their owner, telling
// active ones from others, taking a Pod in or letting it go, and building one from a template.
package podset

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// IsActive tells whether the Pod runs or will run: neither Succeeded nor Failed, and without a deletionTimestamp.
func IsActive(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// Controls tells whether the object's controller is of the group and kind, whatever the version (in-place-update spec 6), and
// returns the reference.
func Controls(obj metav1.Object, kind schema.GroupKind) (*metav1.OwnerReference, bool) {
	ref := metav1.GetControllerOfNoCopy(obj)
	if ref == nil || !refersTo(ref, kind) {
		return nil, false
	}
	return ref, true
}

// ControlledByOther tells whether the object has a controller, and that is not the owner.
func ControlledByOther(obj metav1.Object, owner types.UID) bool {
	ref := metav1.GetControllerOfNoCopy(obj)
	return ref != nil && ref.UID != owner
}

func refersTo(ref *metav1.OwnerReference, kind schema.GroupKind) bool {
	if ref.Kind != kind.Kind {
		return false
	}
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	return err == nil && gv.Group == kind.Group
}

// OwnerReference is the reference by which a workload controls its Pods, claims and revisions; the garbage collector takes them
// away with it.
func OwnerReference(owner metav1.Object, gvk schema.GroupVersionKind) metav1.OwnerReference {
	return *metav1.NewControllerRef(owner, gvk)
}

// Release returns the patch that takes the owner's reference off the object.
func Release(obj client.Object, owner types.UID) (client.Patch, error) {
	return ownerPatch(obj, map[string]any{"$patch": "delete", "uid": owner})
}

// Complete returns the patch that makes the owner, already referenced by the object, its controller, and whether one is needed.
func Complete(obj client.Object, owner metav1.OwnerReference) (client.Patch, bool, error) {
	for _, ref := range obj.GetOwnerReferences() {
		if ref.UID == owner.UID && ptr.Deref(ref.Controller, false) {
			return nil, false, nil
		}
	}
	patch, err := ownerPatch(obj, owner)
	return patch, true, err
}

// ownerPatch changes one entry of the owner references, which are merged by UID, if the object is still the same one.
func ownerPatch(obj client.Object, entry any) (client.Patch, error) {
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": obj.GetUID(), "ownerReferences": []any{entry}}})
	if err != nil {
		return nil, fmt.Errorf("encode owner patch: %w", err)
	}
	return client.RawPatch(types.StrategicMergePatchType, data), nil
}

// NewPod builds a Pod of the template, controlled by the owner. The template is not changed, and nothing of it is shared. The label that
// orders a Pod's deletion is left out: a template with it would be created and deleted for ever.
func NewPod(namespace string, template *corev1.PodTemplateSpec, owner metav1.OwnerReference) *corev1.Pod {
	t := template.DeepCopy()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: owner.Name + "-", Labels: t.Labels, Annotations: t.Annotations,
			Finalizers: t.Finalizers, OwnerReferences: []metav1.OwnerReference{owner},
		},
		Spec: t.Spec,
	}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	delete(pod.Labels, v1beta1.SpecifiedDeleteLabel)
	return pod
}

// AddReadinessGate appends the gate to the Pod if it is not there yet.
func AddReadinessGate(pod *corev1.Pod, condition corev1.PodConditionType) {
	for _, gate := range pod.Spec.ReadinessGates {
		if gate.ConditionType == condition {
			return
		}
	}
	pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: condition})
}

// MountClaims makes each named claim a volume of the Pod: volumes maps the volume's name to the claim's name. A volume of the
// template with the same name gives way, the others stay.
func MountClaims(pod *corev1.Pod, volumes []ClaimVolume) {
	replaced := make(map[string]bool, len(volumes))
	merged := make([]corev1.Volume, 0, len(volumes)+len(pod.Spec.Volumes))
	for _, v := range volumes {
		replaced[v.Volume] = true
		merged = append(merged, corev1.Volume{Name: v.Volume, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: v.Claim},
		}})
	}
	for i := range pod.Spec.Volumes {
		if !replaced[pod.Spec.Volumes[i].Name] {
			merged = append(merged, pod.Spec.Volumes[i])
		}
	}
	if len(merged) > 0 {
		pod.Spec.Volumes = merged
	}
}

// ClaimVolume is a volume that a claim template makes.
type ClaimVolume struct {
	// Volume is the name of the volume, which is that of the claim template.
	Volume string
	// Claim is the name of the PersistentVolumeClaim.
	Claim string
}
