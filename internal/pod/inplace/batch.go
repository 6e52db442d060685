// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/launch"
)

// firstBatch picks the containers of the change that are updated next (in-place-update spec 3.4): those without launch priority, those of
// the highest one, and those that share a label or annotation with them, since that can be written only once.
func firstBatch(pod *corev1.Pod, change *Change) sets.Set[string] {
	batch := sets.New[string]()
	highest := math.MinInt
	priorities := map[string]int{}
	for name := range change.containers() {
		barrier, ok := launch.BarrierOf(containerOf(pod, name))
		if !ok {
			batch.Insert(name)
			continue
		}
		priorities[name] = barrier.Priority
		highest = max(highest, barrier.Priority)
	}
	for name, priority := range priorities {
		if priority == highest {
			batch.Insert(name)
		}
	}
	for grown := true; grown; {
		grown = false
		for name := range change.References {
			if !batch.Has(name) && sharesKey(change, name, batch) {
				batch.Insert(name)
				grown = true
			}
		}
	}
	return batch
}

func sharesKey(change *Change, name string, batch sets.Set[string]) bool {
	own := change.References[name]
	for other := range batch {
		references := change.References[other]
		if sets.KeySet(own.Labels).HasAny(sets.KeySet(references.Labels).UnsortedList()...) ||
			sets.KeySet(own.Annotations).HasAny(sets.KeySet(references.Annotations).UnsortedList()...) {
			return true
		}
	}
	return false
}

// takeBatch extends the edit by the next batch of the change, and the state by the record of it and of what is left. The metadata of
// the change go with the batch.
func takeBatch(pod *corev1.Pod, e *edit.Edit, state *State, change *Change, now time.Time) {
	names := firstBatch(pod, change)
	batch, rest := change.only(names), change.only(change.containers().Difference(names))
	for name, image := range batch.Images {
		container := containerOf(pod, name)
		if container == nil || container.Image == image {
			continue
		}
		e.SetImage(name, image)
		if status := statusOf(pod, name); status != nil {
			state.remember(name, ContainerIdentity{ImageID: status.ImageID, ContainerID: status.ContainerID})
		}
	}
	for _, references := range batch.References {
		e.ViaPod = true
		e.Labels = overlay(e.Labels, references.Labels)
		e.Annotations = overlay(e.Annotations, references.Annotations)
	}
	state.AnnouncedResources = nil
	for name, resources := range batch.Resources {
		if missing := missingOn(pod, name, resources); !isZero(missing) {
			e.SetResources(name, missing)
			state.AnnouncedResources = overlay(state.AnnouncedResources, map[string]corev1.ResourceRequirements{name: missing})
		}
	}
	e.Metadata = change.Metadata
	sorted := sets.List(names)
	state.ContainerBatchesRecord = append(state.ContainerBatchesRecord, BatchRecord{Timestamp: metav1.NewTime(now), Containers: sorted})
	state.setNext(rest, sorted)
}

// remember records what a container was before its image changes.
func (s *State) remember(name string, identity ContainerIdentity) {
	s.LastContainerStatuses = overlay(s.LastContainerStatuses, map[string]ContainerIdentity{name: identity})
}
