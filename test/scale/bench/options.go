// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"kruise.io/kruise/test/scale/simnode"
)

// options are the flags of the benchmark.
type options struct {
	pods      []int
	idlePods  int
	converted int
	// sidecarSets is the largest number of SidecarSets that new Pods are measured with, 0 for not at all.
	sidecarSets int
	rounds      int
	contenders  []string
	writers     int
	latencies   simnode.Latencies
	assets      string
	playground  string
	gates       string
	out         string
	profile     string
	enforce     bool
	timed       bool
}

func parseOptions(args []string) (options, error) {
	o := options{timed: true}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pods := flags.String("pods", "1000", "sizes to measure, with commas")
	contenders := flags.String("contenders", "", "names of those to measure, with commas: cloneset, deployment, bare-client, sidecarset (default all)")
	full := flags.Bool("full", false, "measure all that there are limits for: 1000 and 5000 Pods, an idle cluster of 10000, new Pods beside up to 1000 SidecarSets, "+
		"and a LIST of 5000 in the older version")
	quick := flags.Bool("quick", false, "200 Pods, three rounds; limits that depend on the machine's speed are shown but not enforced")
	flags.IntVar(&o.rounds, "rounds", 1, "how often each row of up to 1000 Pods is measured; results are medians")
	flags.IntVar(&o.idlePods, "idle-pods", 0, "Pods to measure an idle manager with; 0 leaves it out")
	flags.IntVar(&o.sidecarSets, "sidecarsets", 0, "measure new Pods beside 0, 10, 100 and 1000 SidecarSets, up to this many; 0 leaves it out")
	flags.IntVar(&o.converted, "converted", 0, "objects to measure the conversion of a LIST with; 0 leaves it out")
	flags.IntVar(&o.writers, "writers", 64, "how many requests the bare client has under way at once; CloneSet's own bound")
	flags.DurationVar(&o.latencies.Start, "start", time.Second, "how long a simulated Pod takes to start: sandbox, network, volumes, container")
	flags.DurationVar(&o.latencies.Restart, "restart", 500*time.Millisecond, "how long a simulated container takes to restart")
	flags.DurationVar(&o.latencies.Stop, "stop", 500*time.Millisecond, "how long a simulated Pod takes to end")
	flags.StringVar(&o.assets, "assets", os.Getenv("KUBEBUILDER_ASSETS"),
		"folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler (default: what the playground builds)")
	flags.StringVar(&o.playground, "playground", "./bin/playground", "the playground's program")
	flags.StringVar(&o.gates, "feature-gates", "", "feature gates of the manager")
	flags.StringVar(&o.out, "out", "", "page to write; the figures go beside it as JSON")
	flags.StringVar(&o.profile, "profile", "", "folder to write CPU and memory profiles of the manager to")
	flags.BoolVar(&o.enforce, "enforce", false, "fail when a limit does not hold")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *quick {
		*pods, o.timed, o.rounds, o.sidecarSets = "200", false, max(o.rounds, 3), 100
	}
	if *full {
		*pods, o.rounds = fmt.Sprintf("%d,%d", baseSize, largeSize), max(o.rounds, 3)
		o.idlePods, o.sidecarSets, o.converted = 10000, 1000, largeSize
	}
	var err error
	if o.pods, err = parseSizes(*pods); err != nil {
		return o, err
	}
	o.contenders, err = parseContenders(*contenders)
	return o, err
}

// needsManager reports whether anything is measured of the manager.
func (o options) needsManager() bool {
	return slices.Contains(o.contenders, nameCloneSet) || slices.Contains(o.contenders, nameSidecarSet) ||
		o.idlePods > 0 || o.converted > 0 || o.sidecarSets > 0
}

// roundsOf is how often rows of this size are measured. Large ones take long, and are less noisy for it.
func (o options) roundsOf(pods int) int {
	if pods > baseSize {
		return 1
	}
	return o.rounds
}

func parseSizes(text string) ([]int, error) {
	var sizes []int
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < scaleInKeeps {
			return nil, fmt.Errorf("-pods %q: want numbers of at least %d with commas between", text, scaleInKeeps)
		}
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	return sizes, nil
}

func parseContenders(text string) ([]string, error) {
	all := []string{nameCloneSet, nameDeployment, nameBare, nameSidecarSet}
	if text == "" {
		return all, nil
	}
	var chosen []string
	for field := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(all, func(name string) bool { return slug(name) == slug(field) })
		if i < 0 {
			return nil, fmt.Errorf("-contenders %q: unknown %q; there are cloneset, deployment, bare-client, sidecarset", text, field)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// slug is the name as part of names of objects.
func slug(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }
