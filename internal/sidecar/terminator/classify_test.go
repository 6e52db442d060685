// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"kruise.io/kruise/test/fixtures"
)

// Which containers are sidecars, and how they are ended on each kind of node (pod-containers spec 3.3.1).
func TestClasses(t *testing.T) {
	const (
		stop   = "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT"
		image  = "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE"
		ignore = "KRUISE_TERMINATE_SIDECAR_IGNORE_EXIT_CODE"
	)
	fromField := corev1.EnvVar{Name: stop, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}
	const none class = ""
	for name, c := range map[string]struct {
		env              env
		node, virtualOne class
	}{
		"nothing":                        {},
		"other variables":                {env: env{literal("A", "true"), literal(ignore, "true")}},
		"to stop":                        {env: env{literal("A", ""), literal(stop, "true")}, node: stopped, virtualOne: left},
		"to stop, in other letters":      {env: env{literal(stop, "TrUe")}, node: stopped, virtualOne: left},
		"another value":                  {env: env{literal(stop, "yes")}},
		"a blank":                        {env: env{literal(stop, " true")}},
		"false":                          {env: env{literal(stop, "false")}},
		"not a literal":                  {env: env{fromField}},
		"the last of several counts":     {env: env{literal(stop, "true"), literal(stop, "false")}},
		"an exit code to ignore":         {env: env{literal(ignore, "TRUE"), literal(stop, "true")}, node: stoppedLast, virtualOne: left},
		"an exit code not to ignore":     {env: env{literal(stop, "true"), literal(ignore, "no")}, node: stopped, virtualOne: left},
		"an image":                       {env: env{literal(image, exit)}, node: left, virtualOne: switched},
		"an empty image":                 {env: env{literal(image, "")}},
		"both":                           {env: env{literal(stop, "true"), literal(image, exit)}, node: stopped, virtualOne: switched},
		"all":                            {env: env{literal(stop, "true"), literal(image, exit), literal(ignore, "true")}, node: stoppedLast, virtualOne: switched},
		"an image, the stop is not true": {env: env{literal(stop, "x"), literal(image, exit), literal(ignore, "true")}, node: left, virtualOne: switched},
	} {
		t.Run(name, func(t *testing.T) {
			m := markOf(&corev1.Container{Env: c.env})
			if m.isSidecar() != (c.node != none) {
				t.Fatalf("a sidecar: %v", m.isSidecar())
			}
			if m.isSidecar() && (m.classOn(false) != c.node || m.classOn(true) != c.virtualOne) {
				t.Errorf("it is %q on a node and %q on a virtual one, want %q and %q", m.classOn(false), m.classOn(true), c.node, c.virtualOne)
			}
		})
	}
}

// When sidecars are to end (pod-containers spec 3.3.2, 8.3).
func TestDue(t *testing.T) {
	type pod = []fixtures.PodModifier
	onFailure := policy(corev1.RestartPolicyOnFailure)
	side := with("side", running(), stoppable()...)
	native := func(p *corev1.Pod) {
		p.Spec.InitContainers = []corev1.Container{{Name: "native", RestartPolicy: new(corev1.ContainerRestartPolicyAlways), Env: stoppable()}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "native", State: running()}}
	}
	own := func(own corev1.ContainerRestartPolicy, rules ...corev1.ContainerRestartRule) fixtures.PodModifier {
		return func(p *corev1.Pod) {
			p.Spec.Containers[0].RestartPolicy, p.Spec.Containers[0].RestartPolicyRules = &own, rules
		}
	}
	onCode := func(operator corev1.ContainerRestartRuleOnExitCodesOperator, codes ...int32) corev1.ContainerRestartRule {
		return corev1.ContainerRestartRule{
			Action: corev1.ContainerRestartRuleActionRestart, ExitCodes: &corev1.ContainerRestartRuleOnExitCodes{Operator: operator, Values: codes},
		}
	}
	for name, c := range map[string]struct {
		pod  pod
		want bool
	}{
		"the main container runs":                   {pod: pod{with("main", running()), side}},
		"it waits":                                  {pod: pod{with("main", waiting()), side}},
		"it succeeded":                              {pod: pod{with("main", exited(0)), side}, want: true},
		"it failed":                                 {pod: pod{with("main", exited(1)), side}, want: true},
		"one of two runs":                           {pod: pod{with("main", exited(0)), with("other", running()), side}},
		"two have ended":                            {pod: pod{with("z", exited(0)), with("a", exited(3)), side}, want: true},
		"OnFailure, it succeeded":                   {pod: pod{with("main", exited(0)), side, onFailure}, want: true},
		"OnFailure, it failed":                      {pod: pod{with("main", exited(1)), side, onFailure}},
		"OnFailure, one failed":                     {pod: pod{with("main", exited(0)), with("other", exited(1)), side, onFailure}},
		"Always":                                    {pod: pod{with("main", exited(0)), side, policy(corev1.RestartPolicyAlways)}},
		"Pending":                                   {pod: pod{with("main", exited(0)), side, phase(corev1.PodPending)}},
		"Succeeded":                                 {pod: pod{with("main", exited(0)), side, phase(corev1.PodSucceeded)}, want: true},
		"Failed":                                    {pod: pod{with("main", exited(0)), side, phase(corev1.PodFailed)}, want: true},
		"Unknown":                                   {pod: pod{with("main", exited(0)), side, phase(corev1.PodUnknown)}, want: true},
		"being deleted":                             {pod: pod{with("main", exited(0)), side, func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }}},
		"a status is missing":                       {pod: pod{with("main", exited(0)), side, func(p *corev1.Pod) { p.Status.ContainerStatuses = p.Status.ContainerStatuses[:1] }}},
		"a status is of another one":                {pod: pod{with("main", exited(0)), side, func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Name = "x" }}},
		"no sidecar":                                {pod: pod{with("main", exited(0)), with("other", running())}},
		"all sidecars have ended":                   {pod: pod{with("main", exited(0)), with("side", exited(1), stoppable()...)}},
		"one sidecar has ended":                     {pod: pod{with("main", exited(0)), with("a", exited(1), stoppable()...), side}, want: true},
		"a sidecar never started":                   {pod: pod{with("main", exited(0)), with("side", waiting(), stoppable()...)}, want: true},
		"sidecars alone":                            {pod: pod{with("a", exited(0), stoppable()...), side}},
		"a native sidecar is none":                  {pod: pod{with("main", exited(0)), native}},
		"its own policy restarts it":                {pod: pod{with("main", exited(0)), side, own(corev1.ContainerRestartPolicyAlways)}},
		"its own policy restarts failures":          {pod: pod{with("main", exited(1)), side, own(corev1.ContainerRestartPolicyOnFailure)}},
		"its own policy is met":                     {pod: pod{with("main", exited(0)), side, own(corev1.ContainerRestartPolicyOnFailure)}, want: true},
		"its own policy is Never":                   {pod: pod{with("main", exited(1)), side, onFailure, own(corev1.ContainerRestartPolicyNever)}, want: true},
		"a rule restarts the code":                  {pod: pod{with("main", exited(42)), side, own(corev1.ContainerRestartPolicyNever, onCode("In", 42))}},
		"a rule restarts other codes":               {pod: pod{with("main", exited(42)), side, own(corev1.ContainerRestartPolicyNever, onCode("In", 41, 43))}, want: true},
		"a rule restarts all but the code":          {pod: pod{with("main", exited(42)), side, own(corev1.ContainerRestartPolicyNever, onCode("NotIn", 42))}, want: true},
		"a rule restarts all codes but another one": {pod: pod{with("main", exited(42)), side, own(corev1.ContainerRestartPolicyNever, onCode("NotIn", 41))}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := jobPod(c.pod...)
			if got := due(pod); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			filter := podChanged()
			if filter.Create(event.CreateEvent{Object: pod}) != c.want || filter.Update(event.UpdateEvent{ObjectOld: pod, ObjectNew: pod}) != c.want {
				t.Error("its events say something else")
			}
		})
	}
}

// Every event of every Pod of the cluster comes by.
func TestEventsCostNothing(t *testing.T) {
	for name, pod := range map[string]*corev1.Pod{
		"without sidecars": fixtures.Pod("free", fixtures.ReadySince(time.Unix(1, 0))),
		"due":              jobPod(with("main", exited(0)), with("side", running(), stoppable()...)),
	} {
		filter, change := podChanged(), event.UpdateEvent{ObjectOld: pod, ObjectNew: pod}
		if allocations := testing.AllocsPerRun(100, func() { filter.Update(change) }); allocations > 0 {
			t.Errorf("%.0f allocations for an event of a Pod %s", allocations, name)
		}
	}
	if podChanged().Delete(event.DeleteEvent{Object: fixtures.Pod("free", policy(corev1.RestartPolicyAlways))}) {
		t.Error("the deletion of a Pod that this controller has no part in makes a pass")
	}
}
