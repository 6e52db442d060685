// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"math"
	"testing"

	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

func TestParseIntOrPercent(t *testing.T) {
	for _, test := range []struct {
		value    intstr.IntOrString
		total    int
		up, down int
	}{
		{intstr.FromInt32(0), 10, 0, 0},
		{intstr.FromInt32(7), 3, 7, 7},
		{intstr.FromString("0%"), 10, 0, 0},
		{intstr.FromString("20%"), 10, 2, 2},
		{intstr.FromString("20%"), 7, 2, 1},
		{intstr.FromString("33.4%"), 3, 2, 1},
		{intstr.FromString("12.5%"), 8, 1, 1},
		{intstr.FromString("12.5%"), 100, 13, 12},
		{intstr.FromString("0.1%"), 1000, 1, 1},
		{intstr.FromString(".5%"), 1000, 5, 5},
		// 14.1*1000/100 is a little more than 141 in binary floating point
		{intstr.FromString("14.1%"), 1000, 141, 141},
		{intstr.FromString("150%"), 4, 6, 6},
		{intstr.FromString("50%"), 0, 0, 0},
		{intstr.FromString("99999999999999999999999%"), 4, math.MaxInt32, math.MaxInt32},
	} {
		for _, roundUp := range []bool{true, false} {
			want := test.down
			if roundUp {
				want = test.up
			}
			if got, err := parseIntOrPercent(&test.value, test.total, roundUp); err != nil || got != want {
				t.Errorf("parseIntOrPercent(%s, %d, %t) = %d, %v; want %d", test.value.String(), test.total, roundUp, got, err, want)
			}
		}
	}
	if got, err := parseIntOrPercent(nil, 10, true); got != 0 || err != nil {
		t.Errorf("parseIntOrPercent(nil) = %d, %v; want 0", got, err)
	}
}

func TestParseIntOrPercentRefuses(t *testing.T) {
	for _, value := range []intstr.IntOrString{
		intstr.FromInt32(-1), intstr.FromString("5"), intstr.FromString(""), intstr.FromString("%"), intstr.FromString(".%"),
		intstr.FromString("-5%"), intstr.FromString("+5%"), intstr.FromString("1e2%"), intstr.FromString("1/2%"),
		intstr.FromString("0x5%"), intstr.FromString("1.2.3%"), intstr.FromString("1_0%"), intstr.FromString("5 %"), intstr.FromString("NaN%"),
	} {
		if got, err := parseIntOrPercent(&value, 10, true); err == nil {
			t.Errorf("parseIntOrPercent(%q) = %d, want an error", value.String(), got)
		}
	}
}

func TestPartition(t *testing.T) {
	for _, test := range []struct {
		replicas  int
		partition intstr.IntOrString
		want      int
	}{
		{4, intstr.FromInt32(0), 0},
		{4, intstr.FromInt32(3), 3},
		{4, intstr.FromInt32(9), 4},
		{4, intstr.FromInt32(4), 4},
		{4, intstr.FromString("10%"), 1},
		{4, intstr.FromString("99%"), 3},
		{4, intstr.FromString("100%"), 4},
		{4, intstr.FromString("150%"), 4},
		{1, intstr.FromString("99%"), 1},
		{3, intstr.FromString("33.4%"), 2},
		{1000, intstr.FromString("0.1%"), 1},
		{4, intstr.FromString("half"), 0},
	} {
		if got := partitionOf(&test.partition, test.replicas); got != test.want {
			t.Errorf("partitionOf(%s, %d) = %d, want %d", test.partition.String(), test.replicas, got, test.want)
		}
	}
	if got := partitionOf(nil, 4); got != 0 {
		t.Errorf("partitionOf(nil) = %d, want 0", got)
	}
}

func TestLimits(t *testing.T) {
	type modifiers = []fixtures.CloneSetModifier
	for _, test := range []struct {
		name      string
		modifiers modifiers
		want      limits
	}{
		{"maxUnavailable defaults to 20%, rounded up", modifiers{fixtures.Replicas(7), fixtures.Partition("0")},
			limits{replicas: 7, maxUnavailable: 2, deleteUnavailable: 2}},
		{"replicas defaults to 1", modifiers{fixtures.Partition("0"), func(set *v1beta1.CloneSet) { set.Spec.Replicas = nil }},
			limits{replicas: 1, maxUnavailable: 1, deleteUnavailable: 1}},
		{"maxUnavailable is rounded down with surge", modifiers{fixtures.Replicas(7), fixtures.MaxUnavailable("20%"), fixtures.MaxSurge("10%")},
			limits{replicas: 7, maxUnavailable: 1, deleteUnavailable: 1, surge: 1, replaceSurge: 1}},
		{"fractions of a percentage count", modifiers{fixtures.Replicas(8), fixtures.MaxUnavailable("12.5%"), fixtures.ScaleMaxUnavailable("12.6%")},
			limits{replicas: 8, maxUnavailable: 1, deleteUnavailable: 1, createUnavailable: 2}},
		{"no surge while paused, and maxUnavailable rounded up then",
			modifiers{fixtures.Replicas(7), fixtures.MaxUnavailable("20%"), fixtures.MaxSurge("2"), fixtures.Paused(true)},
			limits{replicas: 7, maxUnavailable: 2, deleteUnavailable: 2}},
		{"with maxUnavailable 0 replacements may surge while paused",
			modifiers{fixtures.Replicas(7), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("2"), fixtures.Paused(true)},
			limits{replicas: 7, replaceSurge: 2}},
		{"no rollingUpdate: no partition, no surge, maxUnavailable 20% rounded down", modifiers{fixtures.Replicas(14), fixtures.OnDelete()},
			limits{replicas: 14, maxUnavailable: 2, deleteUnavailable: 2}},
		{"no rollingUpdate, few replicas: still one may be deleted", modifiers{fixtures.Replicas(4), fixtures.OnDelete()},
			limits{replicas: 4, deleteUnavailable: 1}},
		{"rollingUpdate counts for OnDelete too",
			modifiers{fixtures.OnDelete(), fixtures.Replicas(4), fixtures.Partition("50%"), fixtures.MaxUnavailable("1"), fixtures.MaxSurge("1")},
			limits{replicas: 4, partition: 2, maxUnavailable: 1, deleteUnavailable: 1, surge: 1, replaceSurge: 1}},
		{"what cannot be parsed is 0", modifiers{fixtures.Replicas(4), fixtures.Partition("a"), fixtures.MaxUnavailable("b"),
			fixtures.MaxSurge("c%"), fixtures.ScaleMaxUnavailable("-1")},
			limits{replicas: 4, deleteUnavailable: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := fixtures.CloneSet("web", test.modifiers...)
			if set.Spec.ScaleStrategy.MaxUnavailable == nil {
				test.want.createUnavailable = math.MaxInt32
			}
			if got := limitsOf(set); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestExpectedUpdated(t *testing.T) {
	if got := expectedUpdated(fixtures.CloneSet("web", fixtures.Replicas(7), fixtures.Partition("50%"))); got != 3 {
		t.Errorf("with partition 50%% of 7: %d, want 3", got)
	}
	if got := expectedUpdated(fixtures.CloneSet("web", fixtures.Replicas(7), fixtures.OnDelete())); got != 7 {
		t.Errorf("without rollingUpdate: %d, want 7", got)
	}
	if got := expectedUpdated(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.Partition("5"))); got != 0 {
		t.Errorf("with a partition beyond replicas: %d, want 0", got)
	}
}
