package main

import (
	"errors"
	"time"

	"github.com/spf13/pflag"
)

// wait is the value of a flag that says how long to wait.
type wait time.Duration

// waitVar defines a flag for a time that must be longer than 0.
func waitVar(f *pflag.FlagSet, d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	f.Var((*wait)(d), name, usage)
}

func (w *wait) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err == nil && d <= 0 {
		err = errors.New("it must be longer than 0s")
	}
	*w = wait(d)
	return err
}

func (w *wait) String() string { return time.Duration(*w).String() }
func (*wait) Type() string     { return "duration" }
