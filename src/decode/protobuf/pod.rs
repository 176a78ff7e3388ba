//! Pods as Protocol Buffers messages of `k8s.io/api/core/v1`.

use serde::de::IgnoredAny;

use super::{
    LABELS, NAME, NAMESPACE, Result, condition, identifier, map, missing, non_empty, text, time,
};
use crate::{
    decode::{
        object::Message,
        wire::{
            ContainerState, ContainerStatus, CowStr, InitContainer, OptionalTime, PodMetadata,
            PodObject, PodOwner, PodSpec, PodStatus, Terminated, Waiting,
        },
    },
    protobuf::{Field, Fields},
};

/// The fields of a Pod.
pub(in crate::decode) fn pod(message: Message<'_>) -> Result<PodObject<'_>> {
    let (mut metadata, mut spec, mut status) = Default::default();
    for field in Fields::new(message.bytes) {
        let Field { number, value } = field?;
        match number {
            1 => metadata = Some(pod_metadata(value.fields()?)?),
            2 => spec = Some(pod_spec(value.fields()?)?),
            3 => status = Some(pod_status(value.fields()?)?),
            _ => {}
        }
    }
    Ok(PodObject {
        kind: Some(CowStr::borrowed(message.kind)),
        api_version: Some(CowStr::borrowed(message.api_version)),
        metadata: metadata.ok_or_else(|| missing("metadata"))?,
        spec,
        status,
    })
}

fn pod_metadata(mut fields: Fields<'_>) -> Result<PodMetadata<'_>> {
    let (mut name, mut namespace, mut uid) = Default::default();
    let (mut creation_timestamp, mut deletion_timestamp) =
        (OptionalTime::default(), OptionalTime::default());
    let (mut deletion_grace_period_seconds, mut owner_references) = (None, None);
    let mut labels = None;
    loop {
        let from = fields;
        let Some(field) = fields.next() else { break };
        let Field { number, value } = field?;
        match number {
            NAME => name = identifier(value)?,
            NAMESPACE => namespace = identifier(value)?,
            5 => uid = identifier(value)?,
            8 => creation_timestamp = time(value)?,
            9 => deletion_timestamp = time(value)?,
            10 => deletion_grace_period_seconds = Some(value.int64()?),
            LABELS => labels = Some(map(labels, number, from)),
            13 => owner_references
                .get_or_insert_with(Vec::new)
                .push(pod_owner(value.fields()?)?),
            _ => {}
        }
    }
    Ok(PodMetadata {
        name: name.ok_or_else(|| missing("name"))?,
        namespace: namespace.ok_or_else(|| missing("namespace"))?,
        uid,
        creation_timestamp,
        deletion_timestamp,
        deletion_grace_period_seconds,
        owner_references,
        labels,
    })
}

fn pod_owner(fields: Fields<'_>) -> Result<PodOwner<'_>> {
    let (mut api_version, mut kind, mut name, mut uid, mut controller) = Default::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => kind = text(value)?,
            3 => name = identifier(value)?,
            4 => uid = identifier(value)?,
            5 => api_version = text(value)?,
            6 => controller = Some(value.boolean()?),
            _ => {}
        }
    }
    Ok(PodOwner {
        api_version,
        kind,
        name,
        uid,
        controller,
    })
}

fn pod_spec(fields: Fields<'_>) -> Result<PodSpec<'_>> {
    let mut spec = PodSpec::default();
    for field in fields {
        let Field { number, value } = field?;
        if number == 20 {
            spec.init_containers
                .get_or_insert_default()
                .push(init_container(value.fields()?)?);
        }
    }
    Ok(spec)
}

fn init_container(fields: Fields<'_>) -> Result<InitContainer<'_>> {
    let (mut name, mut restart_policy) = Default::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => name = text(value)?,
            24 => restart_policy = text(value)?,
            _ => {}
        }
    }
    Ok(InitContainer {
        name,
        restart_policy,
    })
}

fn pod_status(fields: Fields<'_>) -> Result<PodStatus<'_>> {
    let mut status = PodStatus::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => status.phase = text(value)?,
            // The condition of a pod has the same numbers as the one of a Job.
            2 => status
                .conditions
                .get_or_insert_default()
                .push(condition(value.fields()?)?),
            4 => status.reason = non_empty(value)?,
            8 => status
                .container_statuses
                .get_or_insert_default()
                .push(container_status(value.fields()?)?),
            10 => status
                .init_container_statuses
                .get_or_insert_default()
                .push(container_status(value.fields()?)?),
            _ => {}
        }
    }
    Ok(status)
}

fn container_status(fields: Fields<'_>) -> Result<ContainerStatus<'_>> {
    let mut status = ContainerStatus::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => status.name = text(value)?,
            2 => status.state = Some(container_state(value.fields()?)?),
            3 => status.last_state = Some(container_state(value.fields()?)?),
            4 => status.ready = Some(value.boolean()?),
            5 => status.restart_count = Some(value.int32()?),
            _ => {}
        }
    }
    Ok(status)
}

fn container_state(fields: Fields<'_>) -> Result<ContainerState<'_>> {
    let mut state = ContainerState::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => state.waiting = Some(waiting(value.fields()?)?),
            2 => state.running = Some(IgnoredAny),
            3 => state.terminated = Some(terminated(value.fields()?)?),
            _ => {}
        }
    }
    Ok(state)
}

fn waiting(fields: Fields<'_>) -> Result<Waiting<'_>> {
    let mut waiting = Waiting::default();
    for field in fields {
        let Field { number, value } = field?;
        if number == 1 {
            waiting.reason = non_empty(value)?;
        }
    }
    Ok(waiting)
}

fn terminated(fields: Fields<'_>) -> Result<Terminated<'_>> {
    let mut terminated = Terminated::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => terminated.exit_code = Some(value.int32()?),
            2 => terminated.signal = Some(value.int32()?),
            3 => terminated.reason = non_empty(value)?,
            6 => terminated.finished_at = time(value)?,
            _ => {}
        }
    }
    Ok(terminated)
}
