// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/revision"
)

// instanceIDLength is that of the ids that tie a Pod and its claims together.
const instanceIDLength = 5

// kind is what owner references to a CloneSet say. Readers compare group and kind only.
var kind = v1beta1.GroupVersion.WithKind("CloneSet")

// revisionLabel is the value of a Pod's revision label: the name of the revision, or its short hash with gate CloneSetShortHash and
// where the name would not fit into a label (cloneset spec 2.4, 8.15). Readers accept both.
func revisionLabel(rev *revision.Revision, short bool) string {
	if short || len(rev.Name()) > validation.LabelValueMaxLength {
		return rev.ShortHash()
	}
	return rev.Name()
}

// revisionLabels are the labels that tell the revision of a Pod.
func revisionLabels(rev *revision.Revision, short bool) map[string]string {
	return map[string]string{
		appsv1.ControllerRevisionHashLabelKey: revisionLabel(rev, short),
		v1beta1.PodTemplateHashLabel:          rev.ShortHash(),
	}
}

// podBuilder builds the Pods of one CloneSet.
type podBuilder struct {
	set *v1beta1.CloneSet
	now time.Time
	// shortHash is gate CloneSetShortHash.
	shortHash bool
	// gated gives Pods the readiness gate KruisePodReady at once (gate PodWebhook), instead of leaving it to the admission of Pods: it saves
	// a webhook call a Pod, and Pods are made while no webhook answers.
	gated bool
}

// pod builds the Pod with an instance id at a revision (cloneset spec 3.6).
func (b podBuilder) pod(rev *revision.Revision, id string) *corev1.Pod {
	set := b.set
	pod := podset.NewPod(set.Namespace, rev.Template(), podset.OwnerReference(set, kind))
	pod.Name = set.Name + "-" + id
	maps.Copy(pod.Labels, revisionLabels(rev, b.shortHash))
	pod.Labels[v1beta1.CloneSetInstanceIDLabel] = id
	pod.Labels[v1beta1.LifecycleStateLabel] = string(v1beta1.LifecycleStatePreparingNormal)
	pod.Annotations[v1beta1.LifecycleTimestampAnnotation] = b.now.Format(time.RFC3339)
	podset.AddReadinessGate(pod, v1beta1.InPlaceUpdateReady)
	if b.gated {
		podset.AddReadinessGate(pod, v1beta1.KruisePodReady)
	}

	templates := claimTemplates(set, rev)
	volumes := make([]podset.ClaimVolume, len(templates))
	for i := range templates {
		volumes[i] = podset.ClaimVolume{Volume: templates[i].Name, Claim: claimName(set, &templates[i], id)}
	}
	podset.MountClaims(pod, volumes)
	return pod
}

// claimTemplates are those that Pods of a revision get: of the spec, which is always the newest, and for an older revision those it
// was made with, as far as the spec no longer has them; without them its Pods would lack a volume (cloneset spec 8.11).
func claimTemplates(set *v1beta1.CloneSet, rev *revision.Revision) []corev1.PersistentVolumeClaim {
	templates := set.Spec.VolumeClaimTemplates
	kept, ok := rev.ClaimTemplates()
	if !ok {
		return templates
	}
	known := make(names, len(templates))
	for i := range templates {
		known.Insert(templates[i].Name)
	}
	all := slices.Clip(templates)
	for i := range kept {
		if !known.Has(kept[i].Name) && mounts(rev.Template(), kept[i].Name) {
			all = append(all, kept[i])
		}
	}
	return all
}

// mounts tells whether a container of the template mounts the volume.
func mounts(template *corev1.PodTemplateSpec, volume string) bool {
	for _, containers := range [][]corev1.Container{template.Spec.InitContainers, template.Spec.Containers} {
		for i := range containers {
			for _, m := range containers[i].VolumeMounts {
				if m.Name == volume {
					return true
				}
			}
			for _, d := range containers[i].VolumeDevices {
				if d.Name == volume {
					return true
				}
			}
		}
	}
	return false
}

func claimName(set *v1beta1.CloneSet, template *corev1.PersistentVolumeClaim, id string) string {
	return template.Name + "-" + set.Name + "-" + id
}

// newClaims builds the claims of a Pod that do not exist yet.
func newClaims(set *v1beta1.CloneSet, rev *revision.Revision, id string, existing names) []*corev1.PersistentVolumeClaim {
	templates := claimTemplates(set, rev)
	claims := make([]*corev1.PersistentVolumeClaim, 0, len(templates))
	for i := range templates {
		name := claimName(set, &templates[i], id)
		if existing.Has(name) {
			continue
		}
		labels := maps.Clone(templates[i].Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, set.Spec.Selector.MatchLabels)
		labels[v1beta1.CloneSetInstanceIDLabel] = id
		claims = append(claims, &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: set.Namespace, Name: name, Labels: labels, Annotations: maps.Clone(templates[i].Annotations),
				Finalizers:      templates[i].Finalizers,
				OwnerReferences: []metav1.OwnerReference{podset.OwnerReference(set, kind)},
			},
			Spec: *templates[i].Spec.DeepCopy(),
		})
	}
	return claims
}

// idSource gives instance ids that no Pod and no claim of a CloneSet uses.
type idSource struct{ used names }

func newIDSource(s *snapshot) idSource {
	used := sets.New[string]()
	for _, p := range s.pods {
		used.Insert(p.Labels[v1beta1.CloneSetInstanceIDLabel])
	}
	for _, p := range s.inactive {
		used.Insert(p.Labels[v1beta1.CloneSetInstanceIDLabel])
	}
	for _, c := range s.claims {
		used.Insert(c.Labels[v1beta1.CloneSetInstanceIDLabel])
	}
	return idSource{used: used}
}

// next gives an id and takes it.
func (ids idSource) next() string {
	for {
		// its alphabet, bcdfghjklmnpqrstvwxz2456789, is that of instance ids
		if id := utilrand.String(instanceIDLength); !ids.used.Has(id) {
			ids.used.Insert(id)
			return id
		}
	}
}
