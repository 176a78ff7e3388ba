//! Reads the status of one Job from a response. Polls and probes of single Jobs read it alike.

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    client::{Error, Failure, Request},
    config::JobReference,
    decode::{self, DecodeError, Decoder},
    model::Job,
};

/// The Job in the `body` of a response to a request for the status of `job`. The inner error is about a Job that exists and
/// cannot be decoded. Any other object is an invalid response.
pub(super) fn read(
    job: &JobReference,
    body: &Bytes,
    decoder: &Mutex<Decoder>,
) -> Result<Result<Job, DecodeError>, Error> {
    let JobReference { namespace, name } = job;
    let result = decoder.lock().job(&*decode::text(body));
    match result {
        Ok(found) if **found.namespace() == **namespace && *found.name == **name => Ok(Ok(found)),
        Ok(found) => Err(invalid_response(
            job,
            format!("it is job {}/{}", found.namespace(), found.name),
        )),
        Err(error) if error.is_about(namespace, name) => Ok(Err(error)),
        Err(error) => Err(invalid_response(job, error.cause().to_string())),
    }
}

fn invalid_response(job: &JobReference, reason: String) -> Error {
    Error {
        request: Box::new(Request::job_status(&job.namespace, &job.name)),
        failure: Failure::InvalidResponse(reason),
    }
}
