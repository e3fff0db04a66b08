// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/internal/ownfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/interference"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
)

func newTrainCommand() *cobra.Command {
	var observations, file string
	var dirs []string
	cmd := &cobra.Command{
		Use:   "train (--data DIR | --observations FILE) --out FILE",
		Short: "Train the model of placements that PredictedQoS reads",
		Long: `Learn, from measurements of a service beside neighbours, the risk of a violation by what the
pod uses, what the node uses with it, and the node's pressure, and write it to a file for
modelFile in PredictedQoSArgs. The data is of the form that model eval reads; the columns
psi_cpu_some, psi_memory_some and psi_io_some (0–1) are read where they are there.

With --observations learn instead from what came of the scheduler's own decisions about
latency pods, which it writes to observationsFile of PredictedQoSArgs.`,
		Example: `  foresight model train --data ./interference --out model.json
  foresight model train --observations observations.csv --out model.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := ownfile.Check(file, quality.FileMark); err != nil {
				return fmt.Errorf("--out: %w", err)
			}
			card := quality.Card{Trained: time.Now().UTC().Truncate(time.Second)}
			var groups []*classify.Data
			if observations != "" {
				outcomes, err := outcome.ReadObservations(observations)
				if err != nil {
					return err
				}
				groups, card.Origin = outcome.FromObservations(outcomes, "latency"), observations
				for _, o := range outcomes {
					if o.Objective == "latency" && (card.From.IsZero() || o.Bound.Before(card.From)) {
						card.From = o.Bound
					}
					if o.Objective == "latency" && o.Bound.After(card.Until) {
						card.Until = o.Bound
					}
				}
			} else {
				sets, err := interference.ReadAll(dirs, passedOver(cmd.ErrOrStderr()))
				if err != nil {
					return err
				}
				for i := range sets {
					card.Origin += sets[i].Name + " "
					for k := range sets[i].Kinds {
						if d := interference.Placements(&sets[i].Kinds[k]); len(d.Y) > 0 {
							groups = append(groups, d)
						}
					}
				}
			}
			for _, d := range groups {
				card.Observations += len(d.Y)
				for _, y := range d.Y {
					card.Violations += int(y)
				}
			}
			if card.Violations == 0 || card.Violations == card.Observations {
				return errors.New("nothing to learn: it takes rows with violations and rows without")
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "learning from %d rows in %d groups\n", card.Observations, len(groups))
			risk, plain, label := quality.Assess(quality.Placement, groups)
			card.AUC, card.PlainAUC = known(metrics.AUC(risk, label)), known(metrics.AUC(plain, label))
			card.Brier, card.ECE = known(metrics.Brier(risk, label)), known(metrics.ECE(risk, label))
			return quality.Save(file, quality.Fit(quality.Placement, groups), card)
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "data", nil, "folder of a data set, or of data sets; can be given several times")
	cmd.Flags().StringVar(&file, "out", "", "file to write the model to; a file that is no model is left alone")
	cmd.Flags().StringVar(&observations, "observations", "", "file of a scheduler's outcomes, instead of --data")
	_ = cmd.MarkFlagRequired("out")
	cmd.MarkFlagsOneRequired("data", "observations")
	cmd.MarkFlagsMutuallyExclusive("data", "observations")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// known is nil for what is not a number.
func known(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}
