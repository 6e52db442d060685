// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package features

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/component-base/featuregate"
)

// FlagName is the command line flag that Gates are bound to.
const FlagName = "feature-gates"

// allAlpha switches every gate of stage alpha that is not named itself.
const allAlpha = "AllAlpha"

// Gate answers whether a feature is on. It is all that consumers of gates need.
type Gate interface {
	// Enabled reports whether the feature is on; it panics for a name that is not a gate of this package.
	Enabled(feature featuregate.Feature) bool
}

// Gates is one set of feature gates with the dependencies between them applied. It is a pflag.Value that
// accumulates over repeated flags; after the flags are parsed it is only read, by any number of goroutines.
type Gates struct {
	gate     featuregate.MutableVersionedFeatureGate
	defaults map[featuregate.Feature]bool
	named    map[string]bool
	notices  []string
}

var (
	_ Gate        = (*Gates)(nil)
	_ pflag.Value = (*Gates)(nil)
)

// New returns the gates at their defaults.
func New() *Gates {
	g := &Gates{defaults: map[featuregate.Feature]bool{}, named: map[string]bool{}}
	if err := g.rebuild(map[string]bool{}); err != nil {
		// Only a contradiction within this package's own tables can get here.
		panic(fmt.Sprintf("build feature gates: %v", err))
	}
	return g
}

// Parse returns the gates with value ("Name=bool,...") applied.
func Parse(value string) (*Gates, error) {
	g := New()
	return g, g.Set(value)
}

// AddFlag binds the gates to --feature-gates.
func (g *Gates) AddFlag(fs *pflag.FlagSet) {
	fs.Var(g, FlagName, "A set of key=value pairs that switch features. Options are:\n"+strings.Join(g.gate.KnownFeatures(), "\n"))
}

// Set applies "Name=bool,...": aliases are translated, names of removed gates accepted, unknown ones refused. The order
// within value does not matter: a named gate always wins over AllAlpha and AllBeta.
func (g *Gates) Set(value string) error {
	named := maps.Clone(g.named)
	for pair := range strings.SplitSeq(value, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, text, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("feature gate %q has no value: write %s=true or %s=false", name, name, name)
		}
		on, err := strconv.ParseBool(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("feature gate %q has value %q: use true or false", name, text)
		}
		named[strings.TrimSpace(name)] = on
	}
	if err := g.rebuild(named); err != nil {
		return err
	}
	g.named = named
	return nil
}

// SetDefault changes the value that a gate has when neither it nor its stage is named.
func (g *Gates) SetDefault(feature featuregate.Feature, on bool) error {
	g.defaults[feature] = on
	return g.rebuild(g.named)
}

// String returns the explicitly named gates as "Name=bool,..." in order of name.
func (g *Gates) String() string {
	var pairs []string
	if g != nil {
		for _, name := range slices.Sorted(maps.Keys(g.named)) {
			pairs = append(pairs, fmt.Sprintf("%s=%t", name, g.named[name]))
		}
	}
	return strings.Join(pairs, ",")
}

// Type names the value's type in flag help.
func (g *Gates) Type() string { return "mapStringBool" }

// Enabled implements Gate.
func (g *Gates) Enabled(feature featuregate.Feature) bool { return g.gate.Enabled(feature) }

// Names returns every gate in order of name.
func (g *Gates) Names() []featuregate.Feature { return slices.Sorted(maps.Keys(specs())) }

// Notices returns what the user should know about the given values: removed names, gates that were
// switched because of another one. They are meant to be logged once at start.
func (g *Gates) Notices() []string { return slices.Clone(g.notices) }

// rebuild replaces the gates by defaults plus named plus dependencies. Starting from nothing each time keeps
// the result independent of the order in which flags were given.
func (g *Gates) rebuild(named map[string]bool) error {
	known := specs()
	for feature, on := range g.defaults {
		spec := known[feature]
		spec.Default = on
		known[feature] = spec
	}
	gate := featuregate.NewFeatureGate()
	if err := gate.Add(known); err != nil {
		return err
	}
	values, notices, err := resolve(named)
	if err != nil {
		return err
	}
	for _, feature := range slices.Sorted(maps.Keys(namedOnly())) {
		if _, explicit := values[string(feature)]; explicit {
			continue
		}
		values[string(feature)] = false
		if values[allAlpha] {
			notices = append(notices, namedOnly()[feature])
		}
	}
	if err := gate.SetFromMap(values); err != nil {
		return fmt.Errorf("%w (known gates: %s)", err, joinNames(g.Names()))
	}
	settled, err := settle(gate)
	if err != nil {
		return err
	}
	g.gate, g.notices = gate, slices.Concat(notices, settled)
	return nil
}

// resolve translates aliases and drops removed names.
func resolve(named map[string]bool) (values map[string]bool, notices []string, err error) {
	values = map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if why, gone := removed()[name]; gone {
			notices = append(notices, fmt.Sprintf("feature gate %s no longer exists and is ignored: %s", name, why))
			continue
		}
		canonical := name
		if feature, alias := aliases()[name]; alias {
			canonical = string(feature)
			notices = append(notices, fmt.Sprintf("feature gate %s is called %s", name, canonical))
		}
		if before, twice := values[canonical]; twice && before != named[name] {
			return nil, nil, fmt.Errorf("feature gate %s is given twice with different values: keep one", canonical)
		}
		values[canonical] = named[name]
	}
	return values, notices, nil
}

// settle applies the dependencies in their order and tells which gates changed.
func settle(gate featuregate.MutableVersionedFeatureGate) (notices []string, err error) {
	for _, d := range dependencies() {
		if !d.when(gate) {
			continue
		}
		for _, feature := range d.then {
			if gate.Enabled(feature) == d.to {
				continue
			}
			if err := gate.SetFromMap(map[string]bool{string(feature): d.to}); err != nil {
				return nil, err
			}
			notices = append(notices, fmt.Sprintf("feature gate %s is set to %t because %s", feature, d.to, d.because))
		}
	}
	return notices, nil
}

func joinNames(names []featuregate.Feature) string {
	texts := make([]string, 0, len(names))
	for _, name := range names {
		texts = append(texts, string(name))
	}
	return strings.Join(texts, ", ")
}
