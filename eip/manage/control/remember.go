package control

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/internal/private"
)

// rememberedName is the file's in the data directory.
const rememberedName = "control.json"

// remembered is one attribute that was set, as the file keeps it.
type remembered struct {
	Address   string     `json:"address"`
	Attribute string     `json:"attribute"`
	Value     any        `json:"value"`
	Back      any        `json:"back,omitempty"`  // what a lease gives back
	Until     *time.Time `json:"until,omitempty"` // of a lease
	Shared    bool       `json:"shared,omitempty"`
	file      any        // the flow file's value
}

// remember keeps what is set from now on in a file, having set what it holds.
func (s *Server) remember() {
	if s.DataDir == "" {
		return
	}
	path := filepath.Join(s.DataDir, rememberedName)
	var data []byte
	err := private.Folder(s.DataDir)
	if err == nil {
		data, err = os.ReadFile(path)
	}
	var all []remembered
	if err == nil {
		err = decode(data, &all)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.Log.Warn("what was set on the control bus before cannot be read; the flow files hold", slog.String("file", path), slog.Any("error", err))
	}
	for _, r := range all {
		if !s.restore(r) {
			s.settings.awaited = append(s.settings.awaited, r)
		}
	}
	s.settings.kept = func(all []remembered) {
		if err := private.WriteJSON(path, all); err != nil {
			s.Log.Warn("what is set on the control bus will not be remembered", slog.Any("error", err))
		}
	}
}

// Recall sets what was remembered of stages that were not there yet when the Server was
// made. It is called once those are there that ran before; what is missing still is
// forgotten.
func (s *Server) Recall() {
	for _, r := range s.settings.recall() {
		s.restore(r)
	}
}

// restore sets what was remembered, if the stage is there.
func (s *Server) restore(r remembered) bool {
	of := s.settableAt(r.Address, r.Attribute)
	if of == nil {
		return false
	}
	set := func(v any, lease time.Duration) {
		v, err := plain(v)
		if err == nil {
			_, _, err = s.settings.change(r.Address, of, map[string]any{r.Attribute: v}, lease, r.Shared)
		}
		if err != nil {
			s.Log.Warn("what was set on the control bus before is refused now", slog.String("address", r.Address), slog.Any("error", err))
		}
	}
	if r.Until == nil {
		set(r.Value, 0)
		return true
	}
	if back, _ := plain(r.Back); r.Back != nil && !reflect.DeepEqual(back, of.Settable()[r.Attribute]) {
		set(r.Back, 0)
	}
	if left := min(s.Clock.Until(*r.Until), s.MaxLease); left > 0 {
		set(r.Value, left)
	}
	return true
}

// settableAt returns the stage at an address, where something of it can be set; of
// "", what has an attribute of the process itself.
func (s *Server) settableAt(address, attribute string) Settable {
	switch {
	case address != "":
	case attribute == levelAttribute && s.Level != nil:
		return &logLevel{s.Level}
	case attribute == everyAttribute:
		return &s.publishing
	}
	for _, st := range s.stages() {
		if st.Address == address {
			return st.Settable
		}
	}
	return nil
}

// all returns what is set and leased, but for what the flow file says too, sorted. The
// lock is held.
func (s *settings) all() []remembered {
	all := []remembered{}
	for k, e := range s.set {
		r := remembered{Address: k.address, Attribute: k.attribute, Value: e.stage.Settable()[k.attribute], Shared: e.shared, file: e.file}
		switch {
		case e.timer != nil:
			until := e.until.UTC()
			r.Until, r.Back = &until, e.back
		case reflect.DeepEqual(r.Value, e.file):
			continue
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b remembered) int {
		return strings.Compare(a.Address+" "+a.Attribute, b.Address+" "+b.Attribute)
	})
	return all
}
