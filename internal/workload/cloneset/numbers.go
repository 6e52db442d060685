// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"kruise.io/kruise/api/apps/v1beta1"
)

// defaultMaxUnavailable is updateStrategy.rollingUpdate.maxUnavailable where the CloneSet gives none.
const defaultMaxUnavailable = "20%"

// limits are the numbers of Pods that the spec of a CloneSet fixes (cloneset spec 3.3).
type limits struct {
	// replicas is R, the wanted number of Pods.
	replicas int
	// partition is P, how many of them stay at the old revision.
	partition int
	// surge is S, how many Pods there may be beyond replicas while an update is under way.
	surge int
	// maxUnavailable is U, how many of replicas may be unavailable.
	maxUnavailable int
	// createUnavailable is X, how many Pods may be unavailable for another one to be created.
	createUnavailable int

	// replaceSurge and deleteUnavailable are S and U for deletions that somebody asked for, which nothing may hold up for ever
	// (cloneset spec 3.4): with U = 0 a replacement must come first, so the surge counts also while the update is paused; and with no
	// surge in the spec either, one Pod may be unavailable, as in a Deployment.
	replaceSurge      int
	deleteUnavailable int
}

// limitsOf reads the limits of a CloneSet. A value that cannot be parsed counts as 0: admission lets none in, and 0 is what
// does least.
func limitsOf(set *v1beta1.CloneSet) limits {
	l := limits{replicas: replicasOf(set), createUnavailable: math.MaxInt32}
	if v := set.Spec.ScaleStrategy.MaxUnavailable; v != nil {
		l.createUnavailable = scaled(v, l.replicas, true)
	}
	rolling := set.Spec.UpdateStrategy.RollingUpdate
	if rolling == nil {
		l.maxUnavailable = scaled(maxUnavailableOf(set), l.replicas, false)
	} else {
		l.partition = partitionOf(rolling.Partition, l.replicas)
		l.replaceSurge = scaled(rolling.MaxSurge, l.replicas, true)
		if !rolling.Paused {
			l.surge = l.replaceSurge
		}
		l.maxUnavailable = scaled(maxUnavailableOf(set), l.replicas, l.surge == 0)
	}
	l.deleteUnavailable = l.maxUnavailable
	switch {
	case l.maxUnavailable > 0:
		l.replaceSurge = l.surge
	case l.replaceSurge == 0:
		l.deleteUnavailable = 1
	}
	return l
}

// replicasOf is the wanted number of Pods.
func replicasOf(set *v1beta1.CloneSet) int { return int(ptr.Deref(set.Spec.Replicas, 1)) }

// maxUnavailableOf is maxUnavailable as the spec writes it.
func maxUnavailableOf(set *v1beta1.CloneSet) *intstr.IntOrString {
	if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.MaxUnavailable != nil {
		return rolling.MaxUnavailable
	}
	return new(intstr.FromString(defaultMaxUnavailable))
}

// expectedUpdated is how many Pods the partition lets come to the update revision (status.expectedUpdatedReplicas).
func expectedUpdated(set *v1beta1.CloneSet) int32 {
	l := limitsOf(set)
	return int32(l.replicas - l.partition) //nolint:gosec // between 0 and spec.replicas, an int32
}

// partitionOf is the number of Pods that stay at the old revision: percentages are rounded up, but any below 100% leaves at least
// one Pod to update, unless there is but one.
func partitionOf(v *intstr.IntOrString, replicas int) int {
	p := scaled(v, replicas, true)
	if p == replicas && replicas > 1 && v != nil && v.Type == intstr.String && v.StrVal != "100%" {
		p--
	}
	return min(p, replicas)
}

// scaled is parseIntOrPercent where nobody can be told of an error.
func scaled(v *intstr.IntOrString, total int, roundUp bool) int {
	n, err := parseIntOrPercent(v, total, roundUp)
	if err != nil {
		return 0
	}
	return n
}

// parseIntOrPercent is the number of Pods that v means: itself, or a percentage of total, which may have a fraction ("12.5%") and
// is computed exactly before it is rounded. Nil is 0. Negative numbers, and strings other than percentages, are errors.
func parseIntOrPercent(v *intstr.IntOrString, total int, roundUp bool) (int, error) {
	if v == nil {
		return 0, nil
	}
	if v.Type == intstr.Int {
		if v.IntVal < 0 {
			return 0, fmt.Errorf("%d is negative", v.IntVal)
		}
		return int(v.IntVal), nil
	}
	digits, isPercentage := strings.CutSuffix(v.StrVal, "%")
	if !isPercentage || strings.Trim(digits, ".0123456789") != "" {
		return 0, fmt.Errorf("%q is neither an integer nor a percentage", v.StrVal)
	}
	percent, ok := new(big.Rat).SetString(digits)
	if !ok {
		return 0, fmt.Errorf("%q is not a percentage", v.StrVal)
	}
	share := percent.Mul(percent, big.NewRat(int64(total), 100))
	n, rest := new(big.Int).QuoRem(share.Num(), share.Denom(), new(big.Int))
	if roundUp && rest.Sign() > 0 {
		n.Add(n, big.NewInt(1))
	}
	if !n.IsInt64() || n.Int64() > math.MaxInt32 {
		return math.MaxInt32, nil
	}
	return int(n.Int64()), nil
}
