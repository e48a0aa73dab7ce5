// Package combine tries combinations that no test of one side can see: random
// histories of a school, in which the real comparison, the real outbox and the
// real applier stand together without a network between them. Safety stops,
// full batches, restored collectors, new enrolments, narrowed scopes, new
// academic years, renamed and moved pupils and change feeds meet there in any
// order.
//
// It has tests only. Start reading at TestBothSidesInAnyOrder.
package combine
