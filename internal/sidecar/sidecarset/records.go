// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// record says with which definition of a SidecarSet a Pod was injected or last updated (sidecarset spec 3.3).
type record struct {
	// UpdateTimestamp is when, in whole seconds.
	UpdateTimestamp metav1.Time `json:"updateTimestamp"`
	// Hash is the hash of the definition, or that without images, by the annotation that the record is in.
	Hash           string `json:"hash"`
	SidecarSetName string `json:"sidecarSetName"`
	// SidecarList names the containers and native sidecars as the SidecarSet calls them, ascending.
	SidecarList []string `json:"sidecarList"`
	// ControllerRevision holds the definition; never set beside hashes without images.
	ControllerRevision string `json:"controllerRevision,omitempty"`
}

// updateState is the record of a Pod's in-place updates by one SidecarSet (sidecarset spec 3.7.4).
type updateState struct {
	// Revision is the hash of the definition that was updated to.
	Revision        string      `json:"revision"`
	UpdateTimestamp metav1.Time `json:"updateTimestamp"`
	// LastContainerStatuses are the containers whose image changed, as they were before. Never nil on a Pod.
	LastContainerStatuses map[string]imageIdentity `json:"lastContainerStatuses"`
}

// imageIdentity is the image that a container ran; empty when it never started.
type imageIdentity struct {
	ImageID string `json:"imageID,omitempty"`
}

// ledger is an annotation of a Pod that holds a JSON object from names of SidecarSets to entries. Entries that are not put stay as they
// were read, with members that this program does not know.
type ledger[T any] struct {
	annotation string
	entries    map[string]json.RawMessage
}

// readHashes reads what the Pod was injected with or last updated to: SidecarSetHashAnnotation.
func readHashes(pod *corev1.Pod) (ledger[record], error) {
	return readRecords(pod, v1beta1.SidecarSetHashAnnotation)
}

// readHashesWithoutImage reads what the Pod was injected with: SidecarSetHashWithoutImageAnnotation.
func readHashesWithoutImage(pod *corev1.Pod) (ledger[record], error) {
	return readRecords(pod, v1beta1.SidecarSetHashWithoutImageAnnotation)
}

// readRecords reads an annotation of records. Very old releases wrote bare hashes in their place (sidecarset spec 3.3); since all entries must
// have one form for other readers, these become records.
func readRecords(pod *corev1.Pod, annotation string) (ledger[record], error) {
	l, err := readLedger[record](pod, annotation)
	if err != nil {
		return l, err
	}
	for name, entry := range l.entries {
		var hash string
		if bytes.HasPrefix(entry, []byte{'"'}) && json.Unmarshal(entry, &hash) == nil {
			l.put(name, record{Hash: hash, SidecarSetName: name, SidecarList: []string{}})
		}
	}
	return l, nil
}

// readUpdateStates reads the records of in-place updates: SidecarSetInPlaceUpdateStateAnnotation.
func readUpdateStates(pod *corev1.Pod) (ledger[updateState], error) {
	return readLedger[updateState](pod, v1beta1.SidecarSetInPlaceUpdateStateAnnotation)
}

func readLedger[T any](pod *corev1.Pod, annotation string) (ledger[T], error) {
	l := ledger[T]{annotation: annotation, entries: map[string]json.RawMessage{}}
	text := pod.Annotations[annotation]
	if text == "" {
		return l, nil
	}
	if err := json.Unmarshal([]byte(text), &l.entries); err != nil {
		return l, fmt.Errorf("decode annotation %s: %w", annotation, err)
	}
	if l.entries == nil { // the text was null
		l.entries = map[string]json.RawMessage{}
	}
	return l, nil
}

// get returns the entry of a SidecarSet; nil when there is none.
func (l ledger[T]) get(set string) (*T, error) {
	text, ok := l.entries[set]
	if !ok {
		return nil, nil
	}
	var entry *T
	if err := json.Unmarshal(text, &entry); err != nil {
		return nil, fmt.Errorf("decode %s in annotation %s: %w", set, l.annotation, err)
	}
	return entry, nil
}

// put sets the entry of a SidecarSet.
func (l ledger[T]) put(set string, entry T) {
	text, err := json.Marshal(entry)
	if err != nil { // cannot be: the types of entries are made of strings and times
		panic(err)
	}
	l.entries[set] = text
}

// value is the text of the annotation, sorted by name.
func (l ledger[T]) value() string { return encodeMap(l.entries) }

// readWorking reads which of the two containers of each hot-upgrade sidecar works: SidecarSetWorkingHotUpgradeContainerAnnotation. Never nil.
func readWorking(pod *corev1.Pod) (map[string]string, error) {
	working := map[string]string{}
	text := pod.Annotations[v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation]
	if text == "" {
		return working, nil
	}
	if err := json.Unmarshal([]byte(text), &working); err != nil {
		return nil, fmt.Errorf("decode annotation %s: %w", v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation, err)
	}
	if working == nil { // the text was null
		working = map[string]string{}
	}
	return working, nil
}

// encodeMap is the text of an annotation that holds a JSON object: compact, sorted by key.
func encodeMap[V json.RawMessage | string](m map[string]V) string {
	text, err := json.Marshal(m)
	if err != nil { // cannot be: raw messages were decoded or encoded before
		panic(err)
	}
	return string(text)
}

// readInjected lists the names of the SidecarSets injected into the Pod, ascending, each once: SidecarSetInjectedListAnnotation.
func readInjected(pod *corev1.Pod) []string {
	names := strings.FieldsFunc(pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation], func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(names)
	return slices.Compact(names)
}

// injectedValue is the text of SidecarSetInjectedListAnnotation for these names.
func injectedValue(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// twins are the names of the two containers that a hot-upgrade sidecar becomes (sidecarset spec 3.8).
func twins(sidecar string) (first, second string) { return sidecar + "-1", sidecar + "-2" }
