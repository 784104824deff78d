package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/store"
)

// stateCommand looks at what stages remember while no process runs.
type stateCommand struct {
	dataDir, url, file string
	asJSON             bool
	log                *slog.Logger
}

// stateActions are what it does, each with how many words follow.
var stateActions = map[string]struct {
	least, most int
	what        string
	run         func(*stateCommand, *cobra.Command, string) error
}{
	"ls":     {0, 0, "", (*stateCommand).list},
	"show":   {1, 1, "the ADDRESS of a stage", (*stateCommand).show},
	"export": {0, 1, "the ADDRESS of a stage at most", (*stateCommand).export},
	"import": {1, 1, "a FILE", (*stateCommand).importFile},
	"verify": {0, 0, "", (*stateCommand).verify},
}

var stateNames = []string{"ls", "show", "export", "import", "verify"}

func newState() *cobra.Command {
	s := &stateCommand{}
	cmd := &cobra.Command{
		Use:   "state ls | show ADDRESS | export [ADDRESS] | import FILE | verify",
		Short: "List, export, import and check what stages remember in a data directory",
		Long: `Looks at what stages remember in a data directory that no process has open.

ls lists the stages for which something is remembered, show the keys of one. export
writes that of all stages, or of one, as lines of JSON to standard output, and import
reads such a file, for stages of which nothing is remembered there. verify reads
all of it, and checks it.

A process that runs is asked by eipd control groups.

Exit code 1: it cannot be done, or verify has found something wrong.`,
		Args:              s.check,
		ValidArgsFunction: s.complete,
		RunE: func(cmd *cobra.Command, words []string) error {
			s.log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			err := stateActions[words[0]].run(s, cmd, strings.Join(words[1:], ""))
			if err != nil && !errors.As(err, &failure{}) {
				return failure{exitFailed, err}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.dataDir, "data-dir", ".eipd", "the data directory, a `folder`")
	f.StringVar(&s.url, "store", "", "the `URL` of the store (default embedded:, which is in the data directory)")
	f.StringVar(&s.file, "file", "", "only the file of this `name` in the data directory: "+strings.Join(embedded.StateFiles, " or "))
	f.BoolVar(&s.asJSON, "json", false, "of ls, show and verify: print lines of JSON")
	_ = cmd.RegisterFlagCompletionFunc("file", cobra.FixedCompletions(embedded.StateFiles, noFiles))
	return cmd
}

func (s *stateCommand) check(_ *cobra.Command, words []string) error {
	one := "one of " + strings.Join(stateNames, ", ")
	if len(words) == 0 {
		return fmt.Errorf("what is to be done? %s", one)
	}
	a, ok := stateActions[words[0]]
	switch n := len(words) - 1; {
	case !ok:
		return fmt.Errorf("there is no eipd state %s: it is %s", words[0], one)
	case n < a.least || n > a.most && a.what != "":
		return fmt.Errorf("eipd state %s takes %s", words[0], a.what)
	case n > a.most:
		return fmt.Errorf("eipd state %s takes nothing more", words[0])
	case s.file != "" && !slices.Contains(embedded.StateFiles, s.file):
		return fmt.Errorf("--file: it is %s", strings.Join(embedded.StateFiles, " or "))
	}
	return nil
}

func (s *stateCommand) complete(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(words) == 0:
		return stateNames, noFiles
	case len(words) == 1 && words[0] == "import":
		return nil, cobra.ShellCompDirectiveDefault
	case len(words) > 1 || words[0] != "show" && words[0] != "export":
		return nil, noFiles
	}
	s.log = slog.New(slog.DiscardHandler)
	all, err := s.open(cmd.Context(), false, false)
	if err != nil {
		return nil, noFiles
	}
	defer all.close()
	var names []string
	for _, p := range all.spaces {
		names = append(names, p.Name())
	}
	return offered(names), noFiles
}

// openStates are stores that are open, and what is in them.
type openStates struct {
	stores []namedStore
	spaces []namedSpace
}

type namedStore struct {
	store.Store
	file string // its name
}

type namedSpace struct {
	store.Space
	file string
}

func (a *openStates) close() (err error) {
	for _, s := range a.stores {
		err = errors.Join(err, s.Close())
	}
	return err
}

// open opens what there is; fill: the one that is to be filled, too.
func (s *stateCommand) open(ctx context.Context, thorough, fill bool) (*openStates, error) {
	dir := s.dataDir
	if s.url != "" {
		u, open, err := store.Lookup(s.url)
		switch {
		case err != nil:
			return nil, fmt.Errorf("--store: %w", err)
		case u.Scheme == "memory":
			return nil, errors.New("--store: what is in memory: is in its process alone")
		case u.Scheme != "embedded":
			return s.openOther(ctx, u, open)
		}
		if dir, err = embedded.Directory(u, s.dataDir); err != nil {
			return nil, fmt.Errorf("--store: %w", err)
		}
	}
	return s.openFiles(dir, thorough, fill)
}

func (s *stateCommand) openOther(ctx context.Context, u *url.URL, open store.Open) (*openStates, error) {
	in, err := open(ctx, store.Config{URL: u, DataDir: s.dataDir, Log: s.log})
	if err != nil {
		return nil, err
	}
	all := &openStates{stores: []namedStore{{in, secrets.Hide(s.url)}}}
	return all, all.read()
}

func (s *stateCommand) openFiles(dir string, thorough, fill bool) (*openStates, error) {
	var names []string
	for _, name := range embedded.StateFiles {
		if s.file != "" && name != s.file {
			continue
		}
		_, err := os.Stat(filepath.Join(dir, name))
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist) && fill && name == s.file:
			names = append(names, name)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	switch {
	case fill && len(names) != 1:
		return nil, fmt.Errorf("into which file of %s? --file messages.db is that of an embedded broker; --file positions.db is where flows remember whose broker is elsewhere", dir)
	case len(names) == 0:
		return nil, fmt.Errorf("in the data directory %s nothing is remembered: it has no %s", dir, strings.Join(embedded.StateFiles, " and no "))
	}
	all := &openStates{}
	for _, name := range names {
		in, err := embedded.OpenState(filepath.Join(dir, name), thorough, s.log)
		if errors.Is(err, embedded.ErrInUse) {
			err = fmt.Errorf("%w\neipd control groups asks a process that runs", err)
		}
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all.stores = append(all.stores, namedStore{in, name})
	}
	if err := all.read(); err != nil {
		return nil, errors.Join(err, all.close())
	}
	return all, nil
}

func (a *openStates) read() error {
	for _, s := range a.stores {
		names, err := s.Spaces()
		if err != nil {
			return err
		}
		for _, name := range names {
			p, err := s.Space(name)
			if err != nil {
				return err
			}
			a.spaces = append(a.spaces, namedSpace{p, s.file})
		}
	}
	return nil
}
