package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/visible"
)

func newDlqExport() *cobra.Command {
	d := &dlq{}
	cmd := &cobra.Command{
		Use:   "export [FLOW]",
		Short: "Write dead letters as lines of JSON",
		Long: `Writes the dead letters that the flags name to standard output, a line of JSON each,
with everything that they hold, and leaves them in their queue. eipd dlq import reads
the lines. Where the process redacts something of a letter, its line says so, and
cannot be imported.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: d.completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			args := d.args()
			args["exact"] = true
			return d.look(cmd, "letters_body", flowOf(words), args, &dlqExport{raw(cmd.OutOrStdout()), cmd.ErrOrStderr(), 0})
		},
	}
	d.flags(cmd)
	return cmd
}

// dlqExport writes letters as they come.
type dlqExport struct {
	out, stderr io.Writer
	written     int
}

func (v *dlqExport) letter(r control.Reply) error {
	v.written++
	_, err := v.out.Write(append(bytes.TrimSpace(r.Result), '\n'))
	return err
}

func (v *dlqExport) end(*dlq, io.Writer, control.LettersSeen) error {
	_, err := fmt.Fprintf(v.stderr, "eipd: %s exported\n", count(v.written, "letter"))
	return err
}

func newDlqImport() *cobra.Command {
	d := &dlq{}
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Put exported letters back as dead letters",
		Long: `Reads lines as eipd dlq export writes them from a file, or from standard input where
that is -, and puts each letter into the queue of its flow's dead letters, or of the
flow that --flow names. It ends with the first that cannot be put there.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, words []string) error {
			in := cmd.InOrStdin()
			if words[0] != "-" {
				f, err := os.Open(words[0])
				if err != nil {
					return failure{exitFailed, err}
				}
				defer f.Close()
				in = f
			}
			return d.importLetters(cmd, in)
		},
	}
	d.one(cmd)
	return cmd
}

func (d *dlq) importLetters(cmd *cobra.Command, from io.Reader) error {
	in, done, at := bufio.NewReader(from), 0, 0
	defer func() { fmt.Fprintf(cmd.ErrOrStderr(), "eipd: %s imported\n", count(done, "letter")) }()
	for {
		line, err := in.ReadBytes('\n')
		at++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := d.importLetter(cmd, line); err != nil {
				code := exitFailed
				if f, ok := errors.AsType[failure](err); ok {
					code = f.code
				}
				return failure{code, fmt.Errorf("line %d: %w", at, err)}
			}
			done++
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return failure{exitFailed, err}
		}
	}
}

func (d *dlq) importLetter(cmd *cobra.Command, line []byte) error {
	e, err := deadletter.ReadExport(line)
	if err != nil {
		return failure{exitFailed, err}
	}
	flow := d.flow
	if flow == "" {
		flow = exportedText(e, "eip-flow")
	}
	args := map[string]any{"letter": json.RawMessage(line)}
	if d.invalid {
		args["invalid"] = true
	}
	return d.each(cmd, "letters_restore", flow, args, func(control.Reply) error { return nil })
}

func newDlqAudit() *cobra.Command {
	dir, verify := "", false
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show or check the record of who did what to dead letters",
		Long: `Prints audit.jsonl of a data directory: a line of JSON for each command that changed
dead letters or showed a body, with the number and the hash of the line before. With
--verify, it says instead whether a line was altered or removed; exit code 1: one was.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if verify {
				return verifyAudit(cmd.OutOrStdout(), dir)
			}
			f, err := os.Open(strings.TrimSuffix(dir, "/") + "/" + deadletter.AuditFile)
			if err != nil {
				return failure{exitFailed, err}
			}
			defer f.Close()
			_, err = io.Copy(raw(cmd.OutOrStdout()), f)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", ".eipd", "the data directory, a `folder`, of the process")
	cmd.Flags().BoolVar(&verify, "verify", false, "check that no record was altered or removed")
	return cmd
}

func verifyAudit(out io.Writer, dir string) error {
	records, wrong, err := deadletter.Verify(dir)
	if err != nil {
		return failure{exitFailed, err}
	}
	for _, w := range wrong {
		fmt.Fprintln(out, visible.Line(w))
	}
	if len(wrong) > 0 {
		return failure{exitFailed, errors.New("the audit record is not as it was written")}
	}
	_, err = fmt.Fprintf(out, "%d records, and none was altered or removed\n", records)
	return err
}
