package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/program"
	"github.com/eipd/eipd/eip/testmessage"
)

func init() { eip.Stages.Add("exec", func() eip.Stage { return NewExec() }) }

// Exec is a Service Activator for programs: it runs one for each message, with the
// message's body on its standard input. A program that exits with 0 has served the
// message; anything else is a failure.
type Exec struct {
	// Command is the program and its arguments. No shell reads them, and nothing of
	// a message gets among them. The program runs in the working directory of this
	// process, with its environment.
	Command []string `flow:"command,required,fixed"`
	// Input computes what is on standard input in place of the body. Text and bytes
	// are written as they are, anything else as JSON.
	Input eip.Value `flow:"input"`
	// Timeout is how long the program may run. Then it is told to end, killed if it
	// does not, with all that it has started, and the message fails.
	Timeout time.Duration `flow:"timeout"`
	// Output says what becomes of the program's standard output: with "body" it is
	// the message's new body, with "none" it is thrown away.
	Output Output `flow:"output"`
	// MaxOutput is how large the new body may be. A program that prints more is
	// ended, and the message fails.
	MaxOutput eip.Bytes `flow:"max_output"`
	// ContentType is that of the new body; where it is not given, the message keeps
	// the one it had.
	ContentType string `flow:"content_type"`
	testmessage.Option
}

// Output says what becomes of a program's standard output.
type Output string

// The uses of standard output.
const (
	NoOutput   Output = "none"
	OutputBody Output = "body"
)

// Options returns the uses of standard output.
func (Output) Options() []string { return []string{string(NoOutput), string(OutputBody)} }

// NewExec returns an Exec with its defaults; it needs a Command.
func NewExec() *Exec {
	return &Exec{Option: testmessage.Default, Timeout: 30 * time.Second, Output: NoOutput, MaxOutput: 16 << 20}
}

// Validate checks the command and its bounds.
func (e *Exec) Validate() error {
	switch {
	case len(e.Command) == 0 || e.Command[0] == "":
		return eip.OptionErrorf("command", "there is no program; write [\"PROGRAM\", \"ARGUMENT\", …]")
	case e.Timeout <= 0:
		return eip.OptionErrorf("timeout", "must be more than 0")
	case e.Output != NoOutput && e.Output != OutputBody:
		return eip.OptionErrorf("output", "%q is neither body nor none", e.Output)
	case e.MaxOutput <= 0:
		return eip.OptionErrorf("max_output", "must be more than 0")
	case e.ContentType != "" && e.Output != OutputBody:
		return eip.OptionErrorf("content_type", "it is that of the new body, so it needs output = \"body\"")
	}
	return nil
}

// Trouble says that the program is not there. The flow runs all the same, for the
// program may be installed yet; until then messages fail.
func (e *Exec) Trouble() error {
	_, err := exec.LookPath(e.Command[0])
	return err
}

// Open warns of a program that is not there.
func (e *Exec) Open(_ context.Context, env *eip.Env) error {
	if err := e.Trouble(); err != nil {
		env.Log.Warn("the program cannot be run, so messages will fail", slog.String("stage", env.Address),
			slog.String("program", e.Command[0]), slog.Any("error", err))
	}
	return nil
}

// Pattern names what the stage is.
func (*Exec) Pattern() string { return "Service Activator" }

// Process runs the program, and passes on m or what the program made of it.
func (e *Exec) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if m.IsTest() && !e.PassesTests() {
		return next.Handle(ctx, m)
	}
	input := m.Body()
	if e.Input != nil {
		v, err := e.Input(ctx, m)
		if err == nil {
			input, _, err = content.Encode(v)
			err = eip.Invalid(err)
		}
		if err != nil {
			return fmt.Errorf("input: %w", err)
		}
	}
	limits := program.Limits{Timeout: e.Timeout}
	if e.Output == OutputBody {
		limits.Output = e.MaxOutput
	}
	output, err := program.Run(ctx, e.Command, input, limits)
	if err != nil {
		return err
	}
	if e.Output == OutputBody {
		m = m.WithBody(output)
		if e.ContentType != "" {
			m = m.With(func(m *eip.Message) { m.ContentType = e.ContentType })
		}
	}
	return next.Handle(ctx, m)
}

// Ends says that the program's work is the end of the message where its output is not
// wanted. What follows all the same gets the message as it was.
func (e *Exec) Ends() (last, passes bool) { return e.Output != OutputBody, true }
