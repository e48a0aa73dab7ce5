package record

import (
	"fmt"
	"log/slog"
)

// Every record prints as one fixed word whichever way it is printed or logged,
// so that no message can carry a pupil's data by accident. Each type says so
// itself: an embedded type that lent the methods would be a field, and fields
// are what is encoded, asked for and allowed.
const hidden = "[pupil data]"

func hiddenValue() slog.Value { return slog.StringValue(hidden) }

func writeHidden(s fmt.State) { _, _ = fmt.Fprint(s, hidden) } // a fmt.State cannot be told of an error

func (p *Pupil) LogValue() slog.Value            { return hiddenValue() }
func (h *SchoolHistory) LogValue() slog.Value    { return hiddenValue() }
func (s *SEN) LogValue() slog.Value              { return hiddenValue() }
func (w *Welfare) LogValue() slog.Value          { return hiddenValue() }
func (p *PEP) LogValue() slog.Value              { return hiddenValue() }
func (c *Contact) LogValue() slog.Value          { return hiddenValue() }
func (a *AgencyContact) LogValue() slog.Value    { return hiddenValue() }
func (a *Attendance) LogValue() slog.Value       { return hiddenValue() }
func (b *Behaviour) LogValue() slog.Value        { return hiddenValue() }
func (a *Achievement) LogValue() slog.Value      { return hiddenValue() }
func (d *Detention) LogValue() slog.Value        { return hiddenValue() }
func (e *Exclusion) LogValue() slog.Value        { return hiddenValue() }
func (e *ExamResult) LogValue() slog.Value       { return hiddenValue() }
func (a *AssessmentResult) LogValue() slog.Value { return hiddenValue() }
func (k *KPI) LogValue() slog.Value              { return hiddenValue() }
func (s *Staff) LogValue() slog.Value            { return hiddenValue() }

func (p *Pupil) Format(s fmt.State, _ rune)            { writeHidden(s) }
func (h *SchoolHistory) Format(w fmt.State, _ rune)    { writeHidden(w) }
func (s *SEN) Format(w fmt.State, _ rune)              { writeHidden(w) }
func (w *Welfare) Format(s fmt.State, _ rune)          { writeHidden(s) }
func (p *PEP) Format(s fmt.State, _ rune)              { writeHidden(s) }
func (c *Contact) Format(s fmt.State, _ rune)          { writeHidden(s) }
func (a *AgencyContact) Format(s fmt.State, _ rune)    { writeHidden(s) }
func (a *Attendance) Format(s fmt.State, _ rune)       { writeHidden(s) }
func (b *Behaviour) Format(s fmt.State, _ rune)        { writeHidden(s) }
func (a *Achievement) Format(s fmt.State, _ rune)      { writeHidden(s) }
func (d *Detention) Format(s fmt.State, _ rune)        { writeHidden(s) }
func (e *Exclusion) Format(s fmt.State, _ rune)        { writeHidden(s) }
func (e *ExamResult) Format(s fmt.State, _ rune)       { writeHidden(s) }
func (a *AssessmentResult) Format(s fmt.State, _ rune) { writeHidden(s) }
func (k *KPI) Format(s fmt.State, _ rune)              { writeHidden(s) }
func (s *Staff) Format(w fmt.State, _ rune)            { writeHidden(w) }
