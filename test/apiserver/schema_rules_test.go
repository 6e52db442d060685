// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package apiserver_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// schemaRule is an object that a rule of the CRDs refuses, or lets pass.
type schemaRule struct {
	kind string
	// name of the object; default one that is always good.
	name string
	spec string
	// patch is a merge patch of the spec; the rule is about the update then, and the object itself is good.
	patch string
	// refused is part of the message; empty when the object is good.
	refused string
}

func schemaRules() map[string]schemaRule {
	const (
		pod       = `template: {spec: {restartPolicy: Never, containers: [{name: main, image: a}]}}`
		never     = `{completionPolicy: {type: Never, `
		cron      = `template: {jobTemplate: {spec: {` + pod + `}}}`
		target    = `targetRef: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: web}`
		configMap = `{targets: {}, resource: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}}`
		set       = `{selector: {matchLabels: {app: a}}, template: {}`
		recreate  = `{podName: a, containers: [{name: main}]`
	)
	rolling := func(rollingUpdate string) string {
		return set + `, updateStrategy: {rollingUpdate: {` + rollingUpdate + `}}}`
	}
	parallel := func(rollingUpdate string) string {
		return set + `, podManagementPolicy: Parallel, updateStrategy: {rollingUpdate: {` + rollingUpdate + `}}}`
	}
	return map[string]schemaRule{
		"BroadcastJob that never ends":                  {kind: "BroadcastJob", spec: `{completionPolicy: {type: Never}, ` + pod + `}`},
		"BroadcastJob with a deadline and a TTL":        {kind: "BroadcastJob", spec: `{completionPolicy: {activeDeadlineSeconds: 5, ttlSecondsAfterFinished: 0}, ` + pod + `}`},
		"BroadcastJob that never ends, with a deadline": {kind: "BroadcastJob", spec: never + `activeDeadlineSeconds: 5}, ` + pod + `}`, refused: "completionPolicy.activeDeadlineSeconds must be unset"},
		"BroadcastJob that never ends, with a TTL":      {kind: "BroadcastJob", spec: never + `ttlSecondsAfterFinished: 5}, ` + pod + `}`, refused: "completionPolicy.ttlSecondsAfterFinished must be unset"},
		"BroadcastJob with a long name":                 {kind: "BroadcastJob", name: strings.Repeat("a", 63), spec: `{` + pod + `}`},
		"BroadcastJob with a longer name":               {kind: "BroadcastJob", name: strings.Repeat("a", 64), spec: `{` + pod + `}`, refused: "metadata.name must have at most 63"},
		"BroadcastJob with a dot in its name":           {kind: "BroadcastJob", name: "a.b", spec: `{` + pod + `}`, refused: "metadata.name must have"},

		"AdvancedCronJob whose children never end, with a TTL": {kind: "AdvancedCronJob", spec: `{schedule: "@daily", template: {broadcastJobTemplate: {spec: ` + never + `ttlSecondsAfterFinished: 5}, ` + pod + `}}}}`},
		"AdvancedCronJob with a zone":                          {kind: "AdvancedCronJob", spec: `{schedule: "@daily", timeZone: Europe/Berlin, ` + cron + `}`},
		"AdvancedCronJob with a zone in the schedule":          {kind: "AdvancedCronJob", spec: `{schedule: "CRON_TZ=UTC @daily", startingDeadlineSeconds: 0, successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0, ` + cron + `}`},
		"AdvancedCronJob with two zones":                       {kind: "AdvancedCronJob", spec: `{schedule: "TZ=UTC @daily", timeZone: UTC, ` + cron + `}`, refused: "schedule must not name a time zone"},
		"AdvancedCronJob with an empty zone":                   {kind: "AdvancedCronJob", spec: `{schedule: "@daily", timeZone: "", ` + cron + `}`, refused: "timeZone must be an IANA name"},
		"AdvancedCronJob in the local zone":                    {kind: "AdvancedCronJob", spec: `{schedule: "@daily", timeZone: lOcal, ` + cron + `}`, refused: "timeZone must be an IANA name"},
		"AdvancedCronJob without a schedule":                   {kind: "AdvancedCronJob", spec: `{schedule: "", ` + cron + `}`, refused: "schedule must not be empty"},
		"AdvancedCronJob with a negative deadline":             {kind: "AdvancedCronJob", spec: `{schedule: "@daily", startingDeadlineSeconds: -1, ` + cron + `}`, refused: "startingDeadlineSeconds must be at least 0"},
		"AdvancedCronJob with a negative limit":                {kind: "AdvancedCronJob", spec: `{schedule: "@daily", successfulJobsHistoryLimit: -1, ` + cron + `}`, refused: "successfulJobsHistoryLimit must be at least 0"},
		"AdvancedCronJob with another negative limit":          {kind: "AdvancedCronJob", spec: `{schedule: "@daily", failedJobsHistoryLimit: -1, ` + cron + `}`, refused: "failedJobsHistoryLimit must be at least 0"},
		"AdvancedCronJob with a dot in its name":               {kind: "AdvancedCronJob", name: "a.b", spec: `{schedule: "@daily", ` + cron + `}`, refused: "metadata.name must have"},

		"WorkloadSpread that is adaptive":            {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}], scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 0}}}`},
		"WorkloadSpread without subsets":             {kind: "WorkloadSpread", spec: `{` + target + `, subsets: []}`, refused: "subsets must not be empty"},
		"WorkloadSpread with a stray adaptive":       {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}], scheduleStrategy: {adaptive: {}}}`, refused: "scheduleStrategy.adaptive must be unset"},
		"WorkloadSpread that is fixed with adaptive": {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}], scheduleStrategy: {type: Fixed, adaptive: {}}}`, refused: "scheduleStrategy.adaptive must be unset"},
		"WorkloadSpread with a negative time":        {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}], scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: -1}}}`, refused: "rescheduleCriticalSeconds must be at least 0"},
		"WorkloadSpread to another version":          {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}]}`, patch: `{targetRef: {apiVersion: apps.kruise.io/v1beta1}}`},
		"WorkloadSpread to another group":            {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}]}`, patch: `{targetRef: {apiVersion: apps/v1}}`, refused: "targetRef cannot be changed"},
		"WorkloadSpread to another kind":             {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}]}`, patch: `{targetRef: {kind: StatefulSet}}`, refused: "targetRef cannot be changed"},
		"WorkloadSpread to another name":             {kind: "WorkloadSpread", spec: `{` + target + `, subsets: [{name: a}]}`, patch: `{targetRef: {name: api}}`, refused: "targetRef cannot be changed"},

		"ResourceDistribution of a Secret":     {kind: "ResourceDistribution", spec: `{targets: {}, resource: {apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: b}}}`},
		"ResourceDistribution of a Service":    {kind: "ResourceDistribution", spec: `{targets: {}, resource: {apiVersion: v1, kind: Service, metadata: {name: a}}}`, refused: "resource must be a Secret or ConfigMap"},
		"ResourceDistribution of another core": {kind: "ResourceDistribution", spec: `{targets: {}, resource: {apiVersion: example.com/v1, kind: Secret, metadata: {name: a}}}`, refused: "resource must be a Secret or ConfigMap"},
		"ResourceDistribution of new data":     {kind: "ResourceDistribution", spec: configMap, patch: `{resource: {data: {a: b}}, targets: {allNamespaces: true}}`},
		"ResourceDistribution of another kind": {kind: "ResourceDistribution", spec: configMap, patch: `{resource: {kind: Secret}}`, refused: "cannot be changed"},
		"ResourceDistribution of another name": {kind: "ResourceDistribution", spec: configMap, patch: `{resource: {metadata: {name: b}}}`, refused: "cannot be changed"},

		"StatefulSet with nothing set":               {kind: "StatefulSet", spec: set + `}`, patch: `{replicas: 0, template: {metadata: {labels: {app: a}}}, podManagementPolicy: OrderedReady}`},
		"StatefulSet with a dot in its name":         {kind: "StatefulSet", name: "a.b", spec: set + `}`, refused: "metadata.name must have"},
		"StatefulSet with negative replicas":         {kind: "StatefulSet", spec: set + `, replicas: -1}`, refused: "replicas must be at least 0"},
		"StatefulSet with another selector":          {kind: "StatefulSet", spec: set + `}`, patch: `{selector: {matchLabels: {app: b}}}`, refused: "selector cannot be changed"},
		"StatefulSet with another Service":           {kind: "StatefulSet", spec: set + `, serviceName: a}`, patch: `{serviceName: null}`, refused: "serviceName cannot be changed"},
		"StatefulSet with another management policy": {kind: "StatefulSet", spec: set + `}`, patch: `{podManagementPolicy: Parallel}`, refused: "podManagementPolicy cannot be changed"},
		"StatefulSet with an unknown policy":         {kind: "StatefulSet", spec: set + `, podManagementPolicy: Serial}`, refused: "podManagementPolicy must be"},
		"StatefulSet with an unknown strategy":       {kind: "StatefulSet", spec: set + `, updateStrategy: {type: Recreate}}`, refused: "updateStrategy.type must be"},
		"StatefulSet updated on delete":              {kind: "StatefulSet", spec: set + `, updateStrategy: {type: OnDelete}}`},
		"StatefulSet updated on delete, with bounds": {kind: "StatefulSet", spec: set + `, updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}}}`, refused: "updateStrategy.rollingUpdate must be unset"},
		"StatefulSet with a negative partition":      {kind: "StatefulSet", spec: rolling(`partition: -1`), refused: "partition must be at least 0"},
		"StatefulSet with an unknown Pod policy":     {kind: "StatefulSet", spec: rolling(`podUpdatePolicy: Recreate`), refused: "podUpdatePolicy must be"},
		"StatefulSet ready after 300 s":              {kind: "StatefulSet", spec: rolling(`minReadySeconds: 300, maxUnavailable: 1, partition: 0`)},
		"StatefulSet ready after 301 s":              {kind: "StatefulSet", spec: rolling(`minReadySeconds: 301`), refused: "minReadySeconds must be 0 to 300"},
		"StatefulSet in order with two unavailable":  {kind: "StatefulSet", spec: rolling(`maxUnavailable: 2`), refused: "maxUnavailable must be 1 unless"},
		"StatefulSet in order with a share":          {kind: "StatefulSet", spec: rolling(`maxUnavailable: "10%"`), refused: "maxUnavailable must be 1 unless"},
		"StatefulSet in order without order":         {kind: "StatefulSet", spec: rolling(`unorderedUpdate: {}`), refused: "unorderedUpdate must be unset unless"},
		"StatefulSet in parallel with a share":       {kind: "StatefulSet", spec: parallel(`maxUnavailable: "150%", unorderedUpdate: {}`)},
		"StatefulSet in parallel with none":          {kind: "StatefulSet", spec: parallel(`maxUnavailable: 0`), refused: "maxUnavailable must be a number above 0"},
		"StatefulSet in parallel with a share of 0":  {kind: "StatefulSet", spec: parallel(`maxUnavailable: "0%"`), refused: "maxUnavailable must be a number above 0"},
		"StatefulSet in parallel with nonsense":      {kind: "StatefulSet", spec: parallel(`maxUnavailable: some`), refused: "maxUnavailable must be a number above 0"},

		"DaemonSet with nothing set":               {kind: "DaemonSet", spec: set + `}`, patch: `{minReadySeconds: 1, revisionHistoryLimit: 0, lifecycle: {preDelete: {labelsHandler: {a: b}}}}`},
		"DaemonSet with another selector":          {kind: "DaemonSet", spec: set + `}`, patch: `{selector: {matchLabels: {app: b}}}`, refused: "selector cannot be changed"},
		"DaemonSet with a negative minReady":       {kind: "DaemonSet", spec: set + `, minReadySeconds: -1}`, refused: "minReadySeconds must be at least 0"},
		"DaemonSet with a negative history":        {kind: "DaemonSet", spec: set + `, revisionHistoryLimit: -1}`, refused: "revisionHistoryLimit must be at least 0"},
		"DaemonSet with an in-place hook":          {kind: "DaemonSet", spec: set + `, lifecycle: {inPlaceUpdate: {labelsHandler: {a: b}}}}`, refused: "lifecycle.inPlaceUpdate must be unset"},
		"DaemonSet with an unknown strategy":       {kind: "DaemonSet", spec: set + `, updateStrategy: {type: Recreate}}`, refused: "updateStrategy.type must be"},
		"DaemonSet with an unknown way":            {kind: "DaemonSet", spec: rolling(`rollingUpdateType: Fast`), refused: "rollingUpdateType must be"},
		"DaemonSet that surges":                    {kind: "DaemonSet", spec: rolling(`maxUnavailable: 0, maxSurge: "100%", partition: "0%"`)},
		"DaemonSet that surges with text":          {kind: "DaemonSet", spec: rolling(`maxUnavailable: some, maxSurge: 1`)},
		"DaemonSet that surges and drains":         {kind: "DaemonSet", spec: rolling(`maxUnavailable: "10%", maxSurge: 1`), refused: "must not both be above 0"},
		"DaemonSet that surges in place":           {kind: "DaemonSet", spec: rolling(`rollingUpdateType: InPlaceIfPossible, maxSurge: 1`), refused: "maxSurge must be 0 with rollingUpdateType InPlaceIfPossible"},
		"DaemonSet in place":                       {kind: "DaemonSet", spec: rolling(`rollingUpdateType: InPlaceIfPossible, maxSurge: "0%", maxUnavailable: "099%"`)},
		"DaemonSet with a negative maxUnavailable": {kind: "DaemonSet", spec: rolling(`maxUnavailable: -1`), refused: "maxUnavailable must be a number of at least 0"},
		"DaemonSet with a surge above all":         {kind: "DaemonSet", spec: rolling(`maxSurge: "101%"`), refused: "maxSurge must be a number of at least 0"},
		"DaemonSet with a partition of text":       {kind: "DaemonSet", spec: rolling(`partition: some`), refused: "partition must be a number of at least 0"},

		"ContainerRecreateRequest":                     {kind: "ContainerRecreateRequest", spec: recreate + `, activeDeadlineSeconds: 3, strategy: {failurePolicy: Ignore, terminationGracePeriodSeconds: 0}}`},
		"ContainerRecreateRequest without a Pod":       {kind: "ContainerRecreateRequest", spec: `{podName: "", containers: [{name: main}]}`, refused: "podName must not be empty"},
		"ContainerRecreateRequest with a short time":   {kind: "ContainerRecreateRequest", spec: recreate + `, activeDeadlineSeconds: 2}`, refused: "activeDeadlineSeconds must be at least 3"},
		"ContainerRecreateRequest of another Pod":      {kind: "ContainerRecreateRequest", spec: recreate + `}`, patch: `{podName: b}`, refused: "spec cannot be changed"},
		"ContainerRecreateRequest of more containers":  {kind: "ContainerRecreateRequest", spec: recreate + `}`, patch: `{containers: [{name: main}, {name: b}]}`, refused: "spec cannot be changed"},
		"ContainerRecreateRequest with another policy": {kind: "ContainerRecreateRequest", spec: recreate + `, strategy: {failurePolicy: Retry}}`, refused: "failurePolicy"},
		"ContainerRecreateRequest with negative grace": {kind: "ContainerRecreateRequest", spec: recreate + `, strategy: {terminationGracePeriodSeconds: -1}}`, refused: "terminationGracePeriodSeconds"},
		"ContainerRecreateRequest with negative wait":  {kind: "ContainerRecreateRequest", spec: recreate + `, strategy: {unreadyGracePeriodSeconds: -1}}`, refused: "unreadyGracePeriodSeconds"},
	}
}

func TestSchemaRules(t *testing.T) {
	for name, rule := range schemaRules() {
		for _, version := range []string{"v1alpha1", "v1beta1"} {
			t.Run(name+" "+version, func(t *testing.T) {
				object := rule.object(t, version)
				err := env.Client.Create(t.Context(), object)
				if rule.patch != "" {
					if err != nil {
						t.Fatalf("create: %v", err)
					}
					patch, marshalErr := yaml.YAMLToJSON([]byte(`{spec: ` + rule.patch + `}`))
					if marshalErr != nil {
						t.Fatal(marshalErr)
					}
					err = env.Client.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, patch))
				}
				switch {
				case rule.refused == "" && err != nil:
					t.Errorf("refused: %v", err)
				case rule.refused != "" && (err == nil || !strings.Contains(err.Error(), rule.refused)):
					t.Errorf("answer %v, want %q", err, rule.refused)
				}
			})
		}
	}
}

func (r schemaRule) object(t *testing.T, version string) *unstructured.Unstructured {
	t.Helper()
	spec := map[string]any{}
	if err := yaml.Unmarshal([]byte(r.spec), &spec); err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "apps.kruise.io", Version: version, Kind: r.kind})
	if r.kind != "ResourceDistribution" {
		object.SetNamespace(env.Namespace(t))
	}
	object.SetName(r.name)
	object.SetGenerateName("rule-")
	return object
}
