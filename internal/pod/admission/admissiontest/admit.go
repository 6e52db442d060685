// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package admissiontest lets tests run a step of Pod admission alone.
package admissiontest

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"kruise.io/kruise/internal/pod/admission"
)

// Admit has the step decide on the Pod, created in the namespace, and makes its change. That deciding alone changes nothing is checked.
func Admit(ctx context.Context, step admission.Step, namespace string, pod *corev1.Pod) error {
	before := pod.DeepCopy()
	change, err := step.Admit(ctx, &admission.Review{Namespace: cmp.Or(pod.Namespace, namespace), Pod: pod})
	if !equality.Semantic.DeepEqual(before, pod) {
		return fmt.Errorf("%s changes the Pod before its turn", step.Name())
	}
	if err != nil || change == nil {
		return err
	}
	return change(pod)
}
