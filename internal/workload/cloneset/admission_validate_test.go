// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"kruise.io/kruise/internal/platform/features/featurestest"
)

// rulePatch is a change of the valid object and what is found wrong then; each wanted text holds the path, the value and the reason.
type rulePatch struct {
	name, patch string
	want        []string
}

// rulesOfBoth hold in both versions, at the same paths (cloneset spec 5.2, 5.3).
func rulesOfBoth() []rulePatch {
	long := strings.Repeat("a", 248)
	return []rulePatch{
		{"valid", ``, nil},
		{"name", `{metadata: {name: Web}}`, []string{`metadata.name: Invalid value: "Web": a lowercase RFC 1123 subdomain`}},
		{"labels", `{metadata: {labels: {"-": a}}}`, []string{`metadata.labels: Invalid value: "-"`}},
		{"name too long for Pods", `{metadata: {name: ` + long + `}}`, []string{`metadata.name: Invalid value: "` + long + `": Pods are named`}},
		{"longest name", `{metadata: {name: ` + long[:247] + `}}`, nil},
		{"claim too long", `{metadata: {name: ` + long[:240] + `}, spec: {volumeClaimTemplates: [{metadata: {name: eightlen}}]}}`,
			[]string{`spec.volumeClaimTemplates[0].metadata.name: Invalid value: "eightlen": claims are named`}},
		{"replicas", `{spec: {replicas: -1}}`, []string{`spec.replicas: Invalid value: -1: replicas must be non-negative`}},
		{"replicas 0", `{spec: {replicas: 0}}`, nil},
		{"history", `{spec: {revisionHistoryLimit: -1}}`, []string{`spec.revisionHistoryLimit: Invalid value: -1`}},
		{"min ready", `{spec: {minReadySeconds: -1}}`, []string{`spec.minReadySeconds: Invalid value: -1`}},
		{"no selector", `{spec: {selector: null}}`, []string{`spec.selector: Required value`}},
		{"selector of nothing", `{spec: {selector: {matchLabels: null}}}`, []string{`spec.selector: Invalid value: {}: an empty selector`}},
		{"bad selector", `{spec: {selector: {matchExpressions: [{key: app, operator: Odd}]}}}`,
			[]string{`spec.selector.matchExpressions[0].operator: Invalid value: "Odd"`}},
		{"selector mismatch", `{spec: {template: {metadata: {labels: {app: other}}}}}`,
			[]string{`spec.template.metadata.labels: Invalid value: {"app":"other"}: ` + "`selector` does not match template `labels`"}},
		{"restart policy", `{spec: {template: {spec: {restartPolicy: Never}}}}`,
			[]string{`spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`}},
		{"restart policy Always", `{spec: {template: {spec: {restartPolicy: Always}}}}`, nil},
		{"active deadline", `{spec: {template: {spec: {activeDeadlineSeconds: 5}}}}`, []string{`spec.template.spec.activeDeadlineSeconds: Forbidden: 5: Pods`}},
		{"scale maxUnavailable", `{spec: {scaleStrategy: {maxUnavailable: -1}}}`, []string{`spec.scaleStrategy.maxUnavailable: Invalid value: "-1"`}},
		{"scale maxUnavailable text", `{spec: {scaleStrategy: {maxUnavailable: "5"}}}`, []string{`spec.scaleStrategy.maxUnavailable: Invalid value: "5"`}},
		{"scale maxUnavailable fraction", `{spec: {scaleStrategy: {maxUnavailable: 12.5%}}}`, nil},
		{"deadline negative", `{spec: {progressDeadlineSeconds: -1}}`, []string{`spec.progressDeadlineSeconds: Invalid value: -1`}},
		{"deadline not after min ready", `{spec: {progressDeadlineSeconds: 10, minReadySeconds: 10}}`,
			[]string{`spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds, which is 10`}},
		{"deadline 0", `{spec: {progressDeadlineSeconds: 0}}`, []string{`spec.progressDeadlineSeconds: Invalid value: 0`}},
		{"deadline after min ready", `{spec: {progressDeadlineSeconds: 11, minReadySeconds: 10}}`, nil},
		{"deadline off", `{spec: {progressDeadlineSeconds: 2147483647, minReadySeconds: 2147483647}}`, nil},
		{"several at once", `{metadata: {name: Web}, spec: {replicas: -1, template: {spec: {restartPolicy: Never}}}}`,
			[]string{`metadata.name`, `spec.replicas`, `spec.template.spec.restartPolicy`}},
	}
}

// rulesOfStrategy hold in both versions; ROLLING and POLICY stand for the places of the version.
func rulesOfStrategy() []rulePatch {
	return []rulePatch{
		{"unknown policy", `{POLICY: Odd}`, []string{`POLICY: Unsupported value: "Odd": supported values: `}},
		{"no policy", `{POLICY: null}`, nil},
		{"partition negative", `{partition: -1}`, []string{`ROLLING.partition: Invalid value: "-1": must be an integer of at least 0, or a percentage`}},
		{"partition text", `{partition: "5"}`, []string{`ROLLING.partition: Invalid value: "5"`}},
		{"partition malformed", `{partition: x%}`, []string{`ROLLING.partition: Invalid value: "x%"`}},
		{"partition negative percentage", `{partition: -5%}`, []string{`ROLLING.partition: Invalid value: "-5%"`}},
		{"partition fraction", `{partition: 33.4%}`, nil},
		{"partition beyond", `{partition: 9}`, nil},
		{"partition over 100%", `{partition: 120%}`, nil},
		{"maxUnavailable negative", `{maxUnavailable: -1}`, []string{`ROLLING.maxUnavailable: Invalid value: "-1"`}},
		{"maxUnavailable text", `{maxUnavailable: "5"}`, []string{`ROLLING.maxUnavailable: Invalid value: "5"`}},
		{"maxUnavailable fraction", `{maxUnavailable: 12.5%}`, nil},
		{"maxSurge negative", `{maxSurge: -1}`, []string{`ROLLING.maxSurge: Invalid value: "-1"`}},
		{"maxSurge text", `{maxSurge: "%"}`, []string{`ROLLING.maxSurge: Invalid value: "%"`}},
		{"both none", `{maxUnavailable: 0}`, []string{`ROLLING.maxUnavailable: Invalid value: "0": no Pod could ever be updated`}},
		{"both none in percent", `{maxUnavailable: 0%, maxSurge: 0%}`, []string{`ROLLING.maxUnavailable: Invalid value: "0%"`}},
		{"surge alone is enough", `{maxUnavailable: 0, maxSurge: 10%}`, nil},
		{"surge in place", `{POLICY: InPlaceOnly, maxSurge: 1}`, []string{`ROLLING.maxSurge: Invalid value: "1": InPlaceOnly never makes`}},
		{"surge of a percent in place", `{POLICY: InPlaceOnly, maxSurge: 1%}`, []string{`ROLLING.maxSurge: Invalid value: "1%"`}},
		{"no surge in place", `{POLICY: InPlaceOnly, maxSurge: 0%}`, nil},
		{"two priorities", `{priorityStrategy: {weightPriority: [{weight: 1, matchSelector: {matchLabels: {a: b}}}], orderPriority: [{orderedKey: a}]}}`,
			[]string{`ROLLING.priorityStrategy: Required value: weightPriority and orderPriority exclude each other`}},
		{"weights", `{priorityStrategy: {weightPriority: [{weight: -1, matchSelector: {matchLabels: {a: b}}}, {weight: 101, matchSelector: {matchLabels: {a: b}}}]}}`,
			[]string{`ROLLING.priorityStrategy: Required value: weightPriority[0].weight: -1`, `weightPriority[1].weight: 101`}},
		{"selectors", `{priorityStrategy: {weightPriority: [{weight: 1, matchSelector: {}}, {weight: 1, matchSelector: {matchExpressions: [{key: a, operator: Odd}]}}]}}`,
			[]string{`ROLLING.priorityStrategy: Required value: weightPriority[0].matchSelector`, `weightPriority[1].matchSelector: "Odd"`}},
		{"ordered key", `{priorityStrategy: {orderPriority: [{orderedKey: ""}]}}`,
			[]string{`ROLLING.priorityStrategy: Required value: orderPriority[0].orderedKey`}},
		{"scatter key", `{scatterStrategy: [{key: "", value: a}]}`, []string{`ROLLING.scatterStrategy: Required value: [0].key`}},
		{"scatter twice", `{scatterStrategy: [{key: a, value: b}, {key: a, value: c}, {key: a, value: b}]}`,
			[]string{`ROLLING.scatterStrategy: Required value: [2]: a=b is listed more than once`}},
		{"priority and scatter", `{priorityStrategy: {orderPriority: [{orderedKey: a}]}, scatterStrategy: [{key: a, value: b}]}`, nil},
		{"grace", `{inPlaceUpdateStrategy: {gracePeriodSeconds: -1}}`, []string{`ROLLING.inPlaceUpdateStrategy.gracePeriodSeconds: Invalid value: -1`}},
	}
}

func rulesOfV1beta1() []rulePatch {
	rolling := func(patch string) string { return `{spec: {updateStrategy: {rollingUpdate: ` + patch + `}}}` }
	const at = "spec.updateStrategy.rollingUpdate.inPlaceUpdateStrategy."
	return []rulePatch{
		{"pods twice", `{spec: {scaleStrategy: {podsToDelete: [a, b, a]}}}`, []string{`spec.scaleStrategy.podsToDelete: Invalid value: "a": is listed more than once`}},
		{"unknown pods", `{spec: {scaleStrategy: {podsToDelete: [a, b]}}}`, nil},
		{"type", `{spec: {updateStrategy: {type: Odd}}}`, []string{`spec.updateStrategy.type: Unsupported value: "Odd": supported values: "RollingUpdate", "OnDelete"`}},
		{"type of v1alpha1", `{spec: {updateStrategy: {type: InPlaceOnly}}}`, []string{`spec.updateStrategy.type: Unsupported value: "InPlaceOnly"`}},
		{"OnDelete", `{spec: {updateStrategy: {type: OnDelete, rollingUpdate: null}}}`, nil},
		{"OnDelete with numbers", `{spec: {updateStrategy: {type: OnDelete}}}`, nil},
		{"OnDelete without its numbers", `{spec: {updateStrategy: {type: OnDelete, rollingUpdate: {partition: null, maxUnavailable: null}}}}`,
			[]string{`spec.updateStrategy.rollingUpdate.partition: Required value`, `spec.updateStrategy.rollingUpdate.maxUnavailable: Required value`}},
		{"parallelism percentage", rolling(`{inPlaceUpdateStrategy: {imagePreDownloadParallelism: 10%}}`),
			[]string{at + `imagePreDownloadParallelism: Invalid value: "10%": imagePreDownloadParallelism does not support percentage value`}},
		{"parallelism text", rolling(`{inPlaceUpdateStrategy: {imagePreDownloadParallelism: x}}`),
			[]string{at + `imagePreDownloadParallelism: Invalid value: "x": imagePreDownloadParallelism must be a valid integer`}},
		{"parallelism negative", rolling(`{inPlaceUpdateStrategy: {imagePreDownloadParallelism: "-1"}}`),
			[]string{at + `imagePreDownloadParallelism: Invalid value: "-1": imagePreDownloadParallelism must be non-negative`}},
		{"parallelism in text", rolling(`{inPlaceUpdateStrategy: {imagePreDownloadParallelism: "5"}}`), nil},
		{"timeout", rolling(`{inPlaceUpdateStrategy: {imagePreDownloadTimeoutSeconds: -1}}`),
			[]string{at + `imagePreDownloadTimeoutSeconds: Invalid value: -1: imagePreDownloadTimeoutSeconds must be non-negative`}},
		{"min updated", rolling(`{inPlaceUpdateStrategy: {imagePreDownloadMinUpdatedReadyPods: -1}}`),
			[]string{at + `imagePreDownloadMinUpdatedReadyPods: Invalid value: -1`}},
	}
}

func rulesOfV1alpha1() []rulePatch {
	return []rulePatch{
		{"type of v1beta1", `{spec: {updateStrategy: {type: RollingUpdate}}}`,
			[]string{`spec.updateStrategy.type: Unsupported value: "RollingUpdate": supported values: "ReCreate", "InPlaceIfPossible", "InPlaceOnly", "OnDelete"`}},
		{"OnDelete", `{spec: {updateStrategy: {type: OnDelete}}}`, nil},
		{"bare OnDelete", `{spec: {updateStrategy: {type: OnDelete, partition: null, maxUnavailable: null, maxSurge: null}}}`, nil},
		{"pre-download settings are not checked", `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: 10%,
			apps.kruise.io/image-predownload-timeout-seconds: "-5"}}}`, nil},
	}
}

func TestCreate(t *testing.T) {
	for version, own := range map[string][]rulePatch{"v1alpha1": rulesOfV1alpha1(), "v1beta1": rulesOfV1beta1()} {
		cases := append(rulesOfBoth(), own...)
		places := strings.NewReplacer("ROLLING", "spec.updateStrategy", "POLICY", "spec.updateStrategy.type")
		patches, wrap := strings.NewReplacer("POLICY", "type"), func(patch string) string { return `{spec: {updateStrategy: ` + patch + `}}` }
		if version == "v1beta1" {
			places = strings.NewReplacer("ROLLING", "spec.updateStrategy.rollingUpdate", "POLICY", "spec.updateStrategy.rollingUpdate.podUpdatePolicy")
			patches = strings.NewReplacer("POLICY", "podUpdatePolicy")
			wrap = func(patch string) string { return `{spec: {updateStrategy: {rollingUpdate: ` + patch + `}}}` }
		}
		for _, c := range rulesOfStrategy() {
			want := make([]string, len(c.want))
			for i := range c.want {
				want[i] = places.Replace(c.want[i])
			}
			cases = append(cases, rulePatch{c.name, wrap(patches.Replace(c.patch)), want})
		}
		hooks := newAdmitting(t, "")
		for _, c := range cases {
			t.Run(version+"/"+c.name, func(t *testing.T) {
				r := request(t, admissionv1.Create, version, edited(t, baseOf(version), c.patch), nil)
				expectFindings(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), r)))
			})
		}
	}
}

func TestUpdate(t *testing.T) {
	for _, c := range []struct {
		name string
		// Patches of the valid object: what was stored, and what is sent.
		old, current string
		versions     []string
		want         []string
		asksServer   bool
	}{
		{name: "nothing changes", versions: both()},
		{name: "mutable fields", versions: both(), current: `{spec: {replicas: 5, minReadySeconds: 1, progressDeadlineSeconds: 600, revisionHistoryLimit: 1,
			lifecycle: {preDelete: {finalizersHandler: [a/b]}}, scaleStrategy: {maxUnavailable: 1}}}`},
		{name: "selector", versions: both(), current: `{spec: {selector: {matchLabels: {app: web, more: x}}, template: {metadata: {labels: {more: x}}}}}`,
			want: []string{`spec: Forbidden: updates to fields other than 'replicas', 'template'`}, asksServer: true},
		{name: "metadata", versions: both(), current: `{metadata: {uid: u2}}`, want: []string{`metadata.uid: Invalid value: "u2": field is immutable`}},
		{name: "CREATE checks too", versions: both(), current: `{spec: {replicas: -1}}`, want: []string{`spec.replicas`}},
		{name: "what was wrong before stays, in the same words", versions: both(), old: `{spec: {minReadySeconds: -1}}`,
			current: `{spec: {minReadySeconds: -1, replicas: 5}}`},
		{name: "what was wrong before and is wrong in another way", versions: both(), old: `{spec: {minReadySeconds: -1}}`,
			current: `{spec: {minReadySeconds: -2}}`, want: []string{`spec.minReadySeconds: Invalid value: -2`}},
		{name: "finalizers of whatever is stored", versions: both(), old: `{spec: {replicas: -1, template: {spec: {restartPolicy: Never}}}}`,
			current: `{metadata: {finalizers: [a/b]}, spec: {replicas: -1, template: {spec: {restartPolicy: Never}}}}`},
		{name: "the template", versions: both(), current: `{spec: {template: {metadata: {annotations: {a: b}}}}}`, asksServer: true},
		{name: "the claims", versions: both(), current: `{spec: {volumeClaimTemplates: [{metadata: {name: data}}]}}`, asksServer: true},
		{name: "in place only, image", versions: both(), old: inPlaceOnly(``), asksServer: true,
			current: inPlaceOnly(`template: {spec: {containers: [{name: main, image: "web:v2"}]}}`)},
		{name: "in place only, env", versions: both(), old: inPlaceOnly(``), asksServer: true,
			current: inPlaceOnly(`template: {spec: {containers: [{name: main, image: "web:v1", env: [{name: A, value: b}]}]}}`),
			want:    []string{`spec: Forbidden: spec.template.spec.containers[0].env`}},
	} {
		for _, version := range c.versions {
			t.Run(version+"/"+c.name, func(t *testing.T) {
				hooks := newAdmitting(t, "")
				of := func(patch string) map[string]any { return edited(t, baseOf(version), placed(version, patch)) }
				r := request(t, admissionv1.Update, version, of(c.current), of(c.old))
				expectFindings(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), r)))
				if asked := len(*hooks.asked) > 0; asked != c.asksServer {
					t.Errorf("asked the API server for %v, want %t", *hooks.asked, c.asksServer)
				}
			})
		}
	}
}

func both() []string { return []string{"v1alpha1", "v1beta1"} }

// inPlaceOnly is a patch to that policy and something else of the spec.
func inPlaceOnly(rest string) string {
	return `{spec: {updateStrategy: POLICY InPlaceOnly END, ` + rest + `}}`
}

// placed puts the policy where the version has it.
func placed(version, patch string) string {
	if version == "v1alpha1" {
		return strings.NewReplacer("POLICY", "{type:", "END", "}").Replace(patch)
	}
	return strings.NewReplacer("POLICY", "{rollingUpdate: {podUpdatePolicy:", "END", "}}").Replace(patch)
}

func TestWarnings(t *testing.T) {
	image := `template: {spec: {containers: [{name: main, image: "web:v2"}]}}`
	env := `template: {spec: {containers: [{name: main, image: "web:v1", env: [{name: A, value: b}]}]}}`
	for _, c := range []struct{ name, gates, version, patch, want string }{
		{"in place", "", "v1beta1", `{spec: {` + image + `}}`, `this change updates the Pods in place: image of container main`},
		{"recreate", "", "v1alpha1", `{spec: {` + env + `}}`, `this change recreates the Pods: spec.template.spec.containers[0].env`},
		{"policy", "", "v1beta1", `{spec: {` + image + `, updateStrategy: {rollingUpdate: {podUpdatePolicy: ReCreate}}}}`,
			`this change recreates the Pods: spec.updateStrategy.rollingUpdate.podUpdatePolicy is ReCreate`},
		{"policy of v1alpha1", "", "v1alpha1", `{spec: {` + image + `, updateStrategy: {type: ReCreate}}}`,
			`this change recreates the Pods: spec.updateStrategy.type is ReCreate`},
		{"OnDelete rolls nothing", "", "v1beta1", `{spec: {` + image + `, updateStrategy: {type: OnDelete}}}`, ``},
		{"nothing to roll", "", "v1beta1", `{spec: {` + image + `, replicas: 0}}`, ``},
		{"not the template", "", "v1beta1", `{spec: {replicas: 5}}`, ``},
		{"written otherwise", "", "v1beta1", `{spec: {template: {spec: {hostNetwork: false}}}}`, ``},
		{"claims", "RecreatePodWhenChangeVCTInCloneSetGate=true", "v1beta1", `{spec: {` + image + `, volumeClaimTemplates: [{metadata: {name: data}}]}}`,
			`this change recreates the Pods: spec.volumeClaimTemplates changes too`},
		{"claims without the gate", "", "v1beta1", `{spec: {` + image + `, volumeClaimTemplates: [{metadata: {name: data}}]}}`,
			`this change updates the Pods in place`},
		{"refused", "", "v1beta1", `{spec: {` + image + `, minReadySeconds: -1}}`, ``},
		{"Pods that order their deletion", "", "v1beta1", `{spec: {template: {metadata: {labels: {apps.kruise.io/specified-delete: "true"}}}}}`,
			`spec.template.metadata.labels: label apps.kruise.io/specified-delete orders the deletion of the Pod that carries it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			hooks := newAdmitting(t, c.gates)
			r := request(t, admissionv1.Update, c.version, edited(t, baseOf(c.version), c.patch), edited(t, baseOf(c.version), ``))
			got := strings.Join(hooks.validate.Handler.Handle(t.Context(), r).Warnings, "|")
			if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
		})
	}
}

// In v1alpha1 podsToDelete may name only Pods that the CloneSet has; names that were there before are not looked at again.
func TestPodsToDeleteOfV1alpha1(t *testing.T) {
	pod := func(name string, owner types.UID, modify ...func(*corev1.Pod)) client.Object {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps.kruise.io/v1beta1", Kind: "CloneSet", Name: "web", UID: owner, Controller: new(true)},
		}}}
		for _, m := range modify {
			m(p)
		}
		return p
	}
	hooks := newAdmitting(t, "", pod("mine", "u1"), pod("other", "u2"), pod("leaving", "u1", func(p *corev1.Pod) {
		p.DeletionTimestamp, p.Finalizers = new(metav1.Now()), []string{"a/b"}
	}))
	object := func(names string) map[string]any {
		return edited(t, baseV1alpha1, `{spec: {scaleStrategy: {podsToDelete: [`+names+`]}}}`)
	}
	r := request(t, admissionv1.Update, "v1alpha1", object("gone-before, mine, other, leaving, gone"), object("gone-before"))
	expectFindings(t, []string{
		`spec.scaleStrategy.podsToDelete: Invalid value: "other": the Pod is not owned by this CloneSet: name a running Pod of this CloneSet`,
		`spec.scaleStrategy.podsToDelete: Invalid value: "leaving": the Pod is terminating already`,
		`spec.scaleStrategy.podsToDelete: Invalid value: "gone": there is no such Pod`,
	}, findings(t, hooks.validate.Handler.Handle(t.Context(), r)))
}

// A privileged container needs --allow-privileged.
func TestPrivileged(t *testing.T) {
	object := edited(t, baseV1beta1, `{spec: {template: {spec: {containers: [{name: main, image: web, securityContext: {privileged: true}}]}}}}`)
	for allow, want := range map[bool][]string{
		true:  nil,
		false: {`spec.template.spec.containers[0].securityContext.privileged: Forbidden: true is disallowed`},
	} {
		live := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
			Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return nil },
		})
		hook := Webhooks(AdmissionOptions{Client: live, Reader: live, Gates: featurestest.Gates(t, ""), AllowPrivileged: allow})[1]
		expectFindings(t, want, findings(t, hook.Handler.Handle(t.Context(), request(t, admissionv1.Create, "v1beta1", object, nil))))
	}
}

// Nobody is let through because the API server could not be asked, and the user hears what is wrong.
func TestAPIServerDown(t *testing.T) {
	live := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errors.New("connection refused")
		},
	})
	hook := Webhooks(AdmissionOptions{Client: live, Reader: live, Gates: featurestest.Gates(t, ""), AllowPrivileged: true})[1]
	response := hook.Handler.Handle(t.Context(), request(t, admissionv1.Create, "v1beta1", edited(t, baseV1beta1, ``), nil))
	want := "validate CloneSet: ask the API server to validate spec.template: connection refused"
	if diff := cmp.Diff(want, response.Result.Message); diff != "" || response.Allowed || response.Result.Code != http.StatusInternalServerError {
		t.Errorf("answer %+v\n%s", response.Result, diff)
	}
}
