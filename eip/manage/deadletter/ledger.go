package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/store"
)

// Space is the name of the space in which jobs are kept. No stage is called so.
const Space = "eip-jobs"

// ledger keeps jobs and what became of their letters, in the file of a store. A key is
// "j" and a job's number, or "l", this, and a letter's place.
type ledger struct{ space store.Space }

func jobKey(id string) string { return fmt.Sprintf("j%08d", number(id)) }

func lettersOf(id string) string { return fmt.Sprintf("l%08d/", number(id)) }

func letterKey(id string, at int) string { return fmt.Sprintf("%s%06d", lettersOf(id), at) }

// perStep is how many records one transaction changes.
const perStep = 1000

// commit returns once a change is on disk.
func (l *ledger) commit(change func(store.Tx) error) error {
	done := make(chan error, 1)
	l.space.Store().Commit(nil, []store.Step{{Space: l.space, Change: change}}, func(_ int, err error) { done <- err })
	return <-done
}

// next returns the id of another job.
func (l *ledger) next() (id string, err error) {
	err = l.commit(func(tx store.Tx) error {
		id = fmt.Sprint(tx.Next())
		return nil
	})
	return id, err
}

func (l *ledger) save(j Job) error {
	value, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return l.commit(func(tx store.Tx) error {
		tx.Put(jobKey(j.ID), value, time.Time{})
		return nil
	})
}

// flags of a record
const (
	isAlone = 1 << iota
	isTwice
)

// value is how a record is kept, with why it failed again.
func (e record) value(f Failure) []byte {
	flags := byte(0)
	if e.alone {
		flags |= isAlone
	}
	if e.twice {
		flags |= isTwice
	}
	value := append([]byte{byte(e.is), flags}, e.id...)
	if e.is == failedAgain {
		value = append(value, "\x00"+f.Was+"\x00"+f.Now...)
	}
	return value
}

func parseRecord(value []byte) (e record, f Failure, err error) {
	if len(value) < 2+digits || value[0] > byte(unknown) {
		return e, f, errors.New("the record of a letter is none")
	}
	e = record{is: progress(value[0]), alone: value[1]&isAlone != 0, twice: value[1]&isTwice != 0}
	id, why, _ := strings.Cut(string(value[2:]), "\x00")
	was, now, _ := strings.Cut(why, "\x00")
	e.id = id
	return e, Failure{id, was, now}, nil
}

// write keeps all records of a job.
func (l *ledger) write(id string, all []record) error {
	for from := 0; from < len(all); from += perStep {
		err := l.commit(func(tx store.Tx) error {
			for i := from; i < min(from+perStep, len(all)); i++ {
				tx.Put(letterKey(id, i), all[i].value(Failure{}), time.Time{})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// note is a change that keeps one record.
func note(id string, at int, e record, f Failure) func(store.Tx) error {
	value := e.value(f)
	return func(tx store.Tx) error {
		tx.Put(letterKey(id, at), value, time.Time{})
		return nil
	}
}

// forget removes the records of a job, and the job's own where it is to go.
func (l *ledger) forget(id string, job bool) error {
	for more := true; more; {
		err := l.commit(func(tx store.Tx) error {
			var keys []string
			for key := range tx.Range(lettersOf(id), "") {
				if keys = append(keys, key); len(keys) == perStep {
					break
				}
			}
			for _, key := range keys {
				tx.Delete(key)
			}
			if more = len(keys) == perStep; !more && job {
				tx.Delete(jobKey(id))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// load returns the jobs, the oldest first, with the records of those that have not ended.
func (l *ledger) load() (all []*job, err error) {
	err = l.space.View(func(r store.Reader) error {
		for key, value := range r.Range("j", "") {
			j := &job{}
			if err := json.Unmarshal(value, &j.Job); err != nil || j.ID == "" {
				return fmt.Errorf("read %s of %s: %w", key, Space, errors.Join(err, errors.New("it is no job")))
			}
			all = append(all, j)
			if j.State.Ended() {
				continue
			}
			j.Messages, j.Failures, j.MaybeTwice = Progress{}, nil, []string{}
			for _, value := range r.Range(lettersOf(j.ID), "") {
				e, f, err := parseRecord(value)
				if err != nil {
					return fmt.Errorf("read job %s: %w", j.ID, err)
				}
				j.enter(e, f)
			}
		}
		return nil
	})
	return all, err
}
