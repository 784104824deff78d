package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/internal/visible"
)

// with opens, does something, and closes.
func (s *stateCommand) with(ctx context.Context, thorough, fill bool, do func(*openStates) error) error {
	all, err := s.open(ctx, thorough, fill)
	if err != nil {
		return err
	}
	return errors.Join(do(all), all.close())
}

// stateOf is a line of ls.
type stateOf struct {
	Space string    `json:"space"`
	File  string    `json:"file"`
	Keys  int       `json:"keys"`
	Bytes int64     `json:"bytes"`
	Due   int       `json:"due,omitempty"`
	Next  time.Time `json:"next_due,omitzero"`
	Error string    `json:"error,omitempty"`
}

func stateSummary(p namedSpace) (stateOf, error) {
	sum, err := store.Sum(p)
	of := stateOf{Space: p.Name(), File: p.file, Keys: sum.Keys, Bytes: sum.Bytes, Due: sum.Due, Next: sum.Next.UTC()}
	if err != nil {
		of.Error = err.Error()
	}
	return of, err
}

// list is eipd state ls. What is wrong with one does not hide the others.
func (s *stateCommand) list(cmd *cobra.Command, _ string) error {
	return s.with(cmd.Context(), false, false, func(all *openStates) error {
		out, wrong := cmd.OutOrStdout(), []error(nil)
		v := &viewer{out: out, colours: colourful(out)}
		g := v.grid("STAGE", "FILE", "KEYS", "BYTES", "DUE", "NEXT DUE")
		for _, p := range all.spaces {
			of, err := stateSummary(p)
			if err != nil {
				wrong = append(wrong, err)
			}
			if s.asJSON {
				if err := printJSON(out, of); err != nil {
					return err
				}
				continue
			}
			g.add(cell{text: of.Space}, cell{text: of.File}, number(fmt.Sprint(of.Keys)), number(fmt.Sprint(of.Bytes)), number(unlessZero(int64(of.Due))), cell{text: clockOr(of.Next)})
		}
		if !s.asJSON {
			wrong = append(wrong, g.print(out))
		}
		return errors.Join(wrong...)
	})
}

func printJSON(to io.Writer, v any) error {
	text, err := marshal(v)
	if err == nil {
		_, err = to.Write(append(text, '\n'))
	}
	return err
}

// named returns the spaces of an address.
func (a *openStates) named(address string) (found []namedSpace, err error) {
	var names []string
	for _, p := range a.spaces {
		if names = append(names, p.Name()); p.Name() == address {
			found = append(found, p)
		}
	}
	if found == nil {
		slices.Sort(names)
		return nil, fmt.Errorf("nothing is remembered for %s; there is %s", address, strings.Join(append(names, "nothing else")[:max(1, min(len(names), 20))], ", "))
	}
	return found, nil
}

// stateKey is a line of show.
type stateKey struct {
	Key   string    `json:"key"`
	Bytes int       `json:"bytes"`
	Due   time.Time `json:"due,omitzero"`
}

// show is eipd state show.
func (s *stateCommand) show(cmd *cobra.Command, address string) error {
	return s.with(cmd.Context(), false, false, func(all *openStates) error {
		found, err := all.named(address)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if !s.asJSON {
			fmt.Fprintf(out, "%10s  %-20s  KEY\n", "BYTES", "DUE")
		}
		for _, p := range found {
			if err := p.View(func(r store.Reader) error { return s.showKeys(out, r) }); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *stateCommand) showKeys(out io.Writer, r store.Reader) (err error) {
	for key, value := range r.Range("", "") {
		_, due := r.Get(key)
		if s.asJSON {
			if !due.IsZero() {
				due = due.UTC()
			}
			err = printJSON(out, stateKey{readable(key), len(value), due})
		} else {
			_, err = fmt.Fprintf(out, "%10d  %-20s  %s\n", len(value), clockOr(due), visible.Line(readable(key)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readable is a key as it is, or as Go writes it where it is no text that one can read.
func readable(key string) string {
	if utf8.ValidString(key) && !strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return key
	}
	return strconv.Quote(key)
}

// export is eipd state export.
func (s *stateCommand) export(cmd *cobra.Command, address string) error {
	return s.with(cmd.Context(), false, false, func(all *openStates) (err error) {
		found := all.spaces
		if address != "" {
			if found, err = all.named(address); err != nil {
				return err
			}
		}
		e, seen := store.NewExporter(cmd.OutOrStdout()), map[string]bool{}
		for _, p := range found {
			if seen[p.Name()] {
				return fmt.Errorf("for %s something is remembered in %s; choose one by --file", p.Name(), all.files())
			}
			seen[p.Name()] = true
			if err := e.Space(cmd.Context(), p); err != nil {
				return err
			}
		}
		return e.End()
	})
}

func (a *openStates) files() string {
	var names []string
	for _, s := range a.stores {
		names = append(names, s.file)
	}
	return strings.Join(names, " and ")
}

// importFile is eipd state import.
func (s *stateCommand) importFile(cmd *cobra.Command, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.with(cmd.Context(), false, true, func(all *openStates) error {
		names, err := store.Import(cmd.Context(), all.stores[0], f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "imported into %s: %s\n", all.files(), visible.Line(strings.Join(names, ", ")))
		return err
	})
}

// verify is eipd state verify.
func (s *stateCommand) verify(cmd *cobra.Command, _ string) error {
	return s.with(cmd.Context(), true, false, func(all *openStates) error {
		out, keys, wrong := cmd.OutOrStdout(), 0, []error(nil)
		for _, p := range all.spaces {
			of, err := stateSummary(p)
			if keys += of.Keys; err != nil {
				wrong = append(wrong, fmt.Errorf("%s, %s: %w", p.file, p.Name(), err))
			}
			if s.asJSON {
				if err := printJSON(out, of); err != nil {
					return err
				}
			}
		}
		if len(wrong) == 0 && !s.asJSON {
			_, err := fmt.Fprintf(out, "%s: well, with %d keys of %d stages\n", all.files(), keys, len(all.spaces))
			return err
		}
		return errors.Join(wrong...)
	})
}
