// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// defaultedParts are the defaults of every SidecarSet but for those of containers.
const defaultedParts = `revisionHistoryLimit: 10, updateStrategy: {type: RollingUpdate, partition: 0, maxUnavailable: 1}`

const (
	terminated    = `terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File`
	cold          = `upgradeStrategy: {upgradeType: ColdUpgrade}`
	unshared      = `shareVolumePolicy: {type: disabled}`
	defaultedRest = `imagePullPolicy: IfNotPresent, ` + terminated + `, ` + cold + `, ` + unshared
)

// Every default of sidecarset spec 5.1, 8.15 and 8.16: the spec as sent, and all that it becomes, in both versions.
func TestDefaults(t *testing.T) {
	for _, c := range []struct{ name, sent, old, want string }{
		{name: "nothing", sent: `{}`, want: `{` + defaultedParts + `}`},
		{
			name: "what is given stays",
			sent: `{revisionHistoryLimit: 0, updateStrategy: {type: NotUpdate, partition: "5%", maxUnavailable: 0}}`,
			want: `{revisionHistoryLimit: 0, updateStrategy: {type: NotUpdate, partition: "5%", maxUnavailable: 0}}`,
		},
		{
			name: "policies",
			sent: `{injectionStrategy: {revision: {customVersion: a}}, patchPodMetadata: [{annotations: {a: b}}, {patchPolicy: Overwrite}]}`,
			want: `{injectionStrategy: {revision: {customVersion: a, policy: Always}}, patchPodMetadata: [{annotations: {a: b}, patchPolicy: Retain},
				{patchPolicy: Overwrite}], ` + defaultedParts + `}`,
		},
		{
			name: "containers and init containers",
			sent: `{containers: [{name: a, image: "a:1", new: {x: 1}, transferEnv: [{sourceContainerNameFrom: {fieldRef: {fieldPath: x}}}, {sourceContainerNameFrom: {}}]}],
				initContainers: [{name: b, image: "a:1"}]}`,
			want: `{containers: [{name: a, image: "a:1", new: {x: 1}, transferEnv: [{sourceContainerNameFrom: {fieldRef: {fieldPath: x, apiVersion: v1}}},
				{sourceContainerNameFrom: {}}], podInjectPolicy: BeforeAppContainer, ` + defaultedRest + `}],
				initContainers: [{name: b, image: "a:1", podInjectPolicy: AfterAppContainer, ` + defaultedRest + `}], ` + defaultedParts + `}`,
		},
		{
			name: "a shareVolumeDevicePolicy that is absent stays so, and given policies stay",
			sent: `{containers: [{name: a, image: "a:1", podInjectPolicy: AfterAppContainer, shareVolumePolicy: {type: enabled}, upgradeStrategy: {upgradeType: HotUpgrade},
				shareVolumeDevicePolicy: {}}]}`,
			want: `{containers: [{name: a, image: "a:1", podInjectPolicy: AfterAppContainer, imagePullPolicy: IfNotPresent, ` + terminated + `, shareVolumePolicy: {type: enabled},
				upgradeStrategy: {upgradeType: HotUpgrade}, shareVolumeDevicePolicy: {}}], ` + defaultedParts + `}`,
		},
		{
			name: "a startup probe gets what Pods cannot do without",
			sent: `{containers: [{name: a, image: "a:1", startupProbe: {httpGet: {port: 1}}, resources: {limits: {cpu: 100u}}}]}`,
			want: `{containers: [{name: a, image: "a:1", podInjectPolicy: BeforeAppContainer, ` + defaultedRest + `, resources: {limits: {cpu: 1m}},
				startupProbe: {httpGet: {port: 1, path: /, scheme: HTTP}, successThreshold: 1}}], ` + defaultedParts + `}`,
		},
		{
			name: "volumes",
			sent: `{volumes: [{name: a}, {name: b, newSource: {}}, {name: c, secret: {secretName: s}}]}`,
			want: `{volumes: [{name: a, emptyDir: {}}, {name: b, newSource: {}}, {name: c, secret: {secretName: s, defaultMode: 420}}], ` + defaultedParts + `}`,
		},
		{
			name: "a pull policy that is left out stays what it was, by name and kind of container",
			old: `{containers: [{name: a, image: "a:latest", imagePullPolicy: Always}, {name: b, image: "a:1", imagePullPolicy: IfNotPresent}],
				initContainers: [{name: c, imagePullPolicy: Never}]}`,
			sent: `{containers: [{name: b, image: "a:latest"}, {name: a, image: "a:2"}, {name: c, image: "a:1"}]}`,
			want: `{containers: [{name: b, image: "a:latest", podInjectPolicy: BeforeAppContainer, ` + defaultedRest + `},
				{name: a, image: "a:2", podInjectPolicy: BeforeAppContainer, imagePullPolicy: Always, ` + terminated + `, ` + cold + `, ` + unshared + `},
				{name: c, image: "a:1", podInjectPolicy: BeforeAppContainer, ` + defaultedRest + `}], ` + defaultedParts + `}`,
		},
	} {
		for _, version := range versions() {
			t.Run(c.name+" "+version, func(t *testing.T) {
				sent := edited(t, version, "")
				sent["spec"] = conversiontest.Tree(t, c.sent)
				var old map[string]any
				if c.old != "" {
					old = edited(t, version, "")
					old["spec"] = conversiontest.Tree(t, c.old)
				}
				got := completed(t, sent, newAdmitting(t, "").mutate.Handler.Handle(t.Context(), submit(t, sent, old)))
				if diff := cmp.Diff(any(conversiontest.Tree(t, c.want)), got["spec"]); diff != "" {
					t.Errorf("spec (-want +got):\n%s", diff)
				}
				again := completed(t, got, newAdmitting(t, "").mutate.Handler.Handle(t.Context(), submit(t, got, old)))
				if diff := cmp.Diff(got, again); diff != "" {
					t.Errorf("defaulting twice changes more (-once +twice):\n%s", diff)
				}
			})
		}
	}
}

// Both hashes are set to those of sidecarset spec 3.1, whatever a client says, and other annotations stay.
func TestHashesAreSet(t *testing.T) {
	for _, version := range versions() {
		for _, annotations := range []string{``, `annotations: {}`, `annotations: {kruise.io/sidecarset-hash: mine, kruise.io/sidecarset-hash-without-image: mine, a: b}`} {
			sent := edited(t, version, `{metadata: {`+annotations+`}}`)
			got := completed(t, sent, newAdmitting(t, "").mutate.Handler.Handle(t.Context(), submit(t, sent, nil)))
			want := edited(t, version, `{metadata: {`+annotations+`}}`)
			overlay(want, conversiontest.Tree(t, `{metadata: {annotations: {
				kruise.io/sidecarset-hash: bzv6592862b6w846cw4xx5w9647xz74dxc6d24fw7b6bcx554fxd2z4z4vbd8ff4,
				kruise.io/sidecarset-hash-without-image: 4424wfff8b57d47vb7684zc4bb5478vxwwdcz7dd2xdwbf4d4446424d4w29cwd5}}}`))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", version, diff)
			}
		}
	}
}

// What a peer has stored is complete: a write through this webhook must change nothing, least of all a hash.
func TestPeerObjectsAreLeftAlone(t *testing.T) {
	for _, name := range []string{"peer-v1alpha1.yaml", "peer-v1beta1.yaml"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		stored := conversiontest.Tree(t, string(data))
		got := completed(t, stored, newAdmitting(t, "").mutate.Handler.Handle(t.Context(), submit(t, stored, runtime.DeepCopyJSON(stored))))
		if diff := cmp.Diff(stored, got); diff != "" {
			t.Errorf("%s (-stored +got):\n%s", name, diff)
		}
	}
}

func TestHashesAreSetInPlaceOfNull(t *testing.T) {
	sent := edited(t, "v1beta1", "")
	metadata, _ := sent["metadata"].(map[string]any)
	metadata["annotations"] = nil
	got := completed(t, sent, newAdmitting(t, "").mutate.Handler.Handle(t.Context(), submit(t, sent, nil)))
	annotations, _ := got["metadata"].(map[string]any)["annotations"].(map[string]any)
	if len(annotations) != 2 {
		t.Errorf("annotations %v", annotations)
	}
}
