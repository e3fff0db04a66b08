// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/config"
)

// The engine's args: what is refused is named with its path and its range.
func TestValidatePredictionArgs(t *testing.T) {
	valid := config.UsageArgs{
		Source:   config.UsageFromMetricsAPI,
		Interval: metav1.Duration{Duration: 30 * time.Second},
		Window:   metav1.Duration{Duration: 15 * time.Minute},
		Expiry:   metav1.Duration{Duration: 5 * time.Minute},
	}
	for name, tc := range map[string]struct {
		change func(*config.UsageArgs)
		want   string
	}{
		"valid":                  {func(*config.UsageArgs) {}, ""},
		"off":                    {func(u *config.UsageArgs) { u.Source = config.UsageFromNowhere }, ""},
		"unknown source":         {func(u *config.UsageArgs) { u.Source = "Guess" }, `args.usage.source: Unsupported value: "Guess": supported values: "MetricsAPI", "None"`},
		"no interval":            {func(u *config.UsageArgs) { u.Interval.Duration = 0 }, `args.usage.interval: Invalid value: "0s": not in valid range [1s-1h0m0s]`},
		"window under interval":  {func(u *config.UsageArgs) { u.Window.Duration = time.Second }, `args.usage.window: Invalid value: "1s": not in valid range [30s-24h0m0s]`},
		"expiry longer than day": {func(u *config.UsageArgs) { u.Expiry.Duration = 25 * time.Hour }, `args.usage.expiry: Invalid value: "25h0m0s": not in valid range [30s-24h0m0s]`},
	} {
		args := &config.PredictionArgs{Usage: valid}
		tc.change(&args.Usage)
		err := config.ValidatePredictionArgs(config.ArgsPath("Prediction"), args).ToAggregate()
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: refused: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}
