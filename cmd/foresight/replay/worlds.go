// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/recording"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// cell is one trace at one density on nodes of one kind, or a recording.
type cell struct {
	name     string
	bundle   *trace.Bundle
	sizes    string
	density  float64
	nodes    int
	recorded *world.World
}

// cells reads the traces and returns what is to be tried.
func (o *options) cells() ([]cell, error) {
	if o.recording != "" {
		w, err := recording.World(o.recording)
		if err != nil {
			return nil, fmt.Errorf("--recording: %w", err)
		}
		c := cell{name: w.Name, sizes: "recorded", nodes: len(w.Nodes), recorded: w}
		o.seeds, o.history = 1, min(o.history, float64(w.Steps)/576) // half of it at most
		from := o.world(0, c).From
		c.density, o.days = w.Density(from), (time.Duration(w.Steps)*world.Step-from).Hours()/24
		return []cell{c}, nil
	}
	var cells []cell
	for _, value := range o.traces {
		dir, densities := value, o.densities
		if at := strings.LastIndexByte(value, '@'); at >= 0 {
			own, err := parseDensities(value[at+1:])
			if err == nil {
				dir, densities = value[:at], own
			} else if _, missing := os.Stat(value); missing != nil {
				return nil, fmt.Errorf("--trace %s: %w", value, err)
			}
		}
		b, err := trace.Read(dir)
		if err != nil {
			return nil, fmt.Errorf("--trace %s: %w", value, err)
		}
		for _, sizes := range o.sizes {
			for _, density := range densities {
				c := cell{name: b.Name, bundle: b, sizes: sizes, density: density, nodes: o.nodes}
				w := o.world(0, c)
				if err := w.Validate(); err != nil {
					return nil, err
				}
				cells = append(cells, c)
			}
		}
	}
	return cells, nil
}

func parseDensities(s string) (all []float64, err error) {
	for _, part := range strings.Split(s, ",") {
		d, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no density", part)
		}
		all = append(all, d)
	}
	return all, nil
}

// world are the options of a world.
func (o *options) world(seed uint64, c cell) world.Options {
	history, days := o.history, o.days
	if o.cold {
		history, days = 1, 1
	}
	hours := func(days float64) time.Duration {
		return time.Duration(days * 24 * float64(time.Hour)).Truncate(time.Hour)
	}
	return world.Options{
		Seed: seed, Nodes: o.nodes, Mixed: c.sizes == "mixed", Density: c.density,
		From: hours(history), Length: hours(history) + hours(days),
	}
}

// readConfigs returns what --config names, stock first.
func (o *options) readConfigs() ([]*replay.Config, error) {
	stock, err := replay.BuiltInConfig(replay.Stock)
	if err != nil {
		return nil, err
	}
	configs := []*replay.Config{stock}
	for _, value := range o.configs {
		name, file, isFile := strings.Cut(value, "=")
		var c *replay.Config
		if isFile {
			var data []byte
			if data, err = os.ReadFile(file); err == nil {
				c, err = replay.ReadConfig(name, data)
			}
		} else if name == replay.Stock {
			continue
		} else {
			c, err = replay.BuiltInConfig(name)
		}
		if err != nil {
			return nil, fmt.Errorf("--config %s: %w", value, err)
		}
		if name == "" || slices.ContainsFunc(configs, func(other *replay.Config) bool { return other.Name == name }) {
			return nil, fmt.Errorf("--config %s: want a name that no other configuration has", value)
		}
		configs = append(configs, c)
	}
	if o.moves == 0 {
		return configs, nil
	}
	for _, c := range slices.Clone(configs) {
		if c.Mover != "" {
			continue // It says itself how it moves pods.
		}
		for _, mover := range o.movers {
			configs = append(configs, c.With(mover, o.moves))
		}
	}
	return configs, nil
}
