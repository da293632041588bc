import type { LeadField } from '../leads/fields.ts';
import type { FieldMap } from './fields.ts';

/**
 * The documented REST names of fields that every subscription has. Describe does not say which fields are custom, so all
 * others count as such.
 */
const STANDARD = new Set(
  (
    'company site billingStreet billingCity billingState billingCountry billingPostalCode website mainPhone annualRevenue ' +
    'numberOfEmployees industry sicCode mktoCompanyNotes externalCompanyId id mktoName personType mktoIsPartner isLead ' +
    'mktoIsCustomer isAnonymous salutation firstName middleName lastName email phone mobilePhone fax title contactCompany ' +
    'dateOfBirth address city state country postalCode personTimeZone originalSourceType originalSourceInfo ' +
    'registrationSourceType registrationSourceInfo originalSearchEngine originalSearchPhrase originalReferrer emailInvalid ' +
    'emailInvalidCause unsubscribed unsubscribedReason doNotCall mktoDoNotCallCause doNotCallReason marketingSuspended ' +
    'marketingSuspendedCause blackListed blackListedCause mktoPersonNotes personNotes anonymousIP inferredCompany ' +
    'inferredCountry inferredCity inferredStateRegion inferredPostalCode inferredMetropolitanArea inferredPhoneAreaCode ' +
    'emailSuspended emailSuspendedCause emailSuspendedAt department createdAt updatedAt cookies externalSalesPersonId ' +
    'leadPerson leadRole leadSource leadStatus leadScore urgency priority relativeScore relativeUrgency rating ' +
    'personPrimaryLeadInterest leadPartitionId leadRevenueCycleModelId leadRevenueStageId acquisitionProgramId ' +
    'acquisitionDate mktoAcquisitionDate gender jigsawContactId jigsawContactStatus ecids sfdcType sfdcId sfdcLeadId ' +
    'sfdcContactId sfdcAccountId sfdcLeadOwnerId sfdcOpptyId marketoSocialGender'
  ).split(' '),
);

/** The fields that attributes can be, with the names they may have. */
export function leadFields(map: FieldMap): readonly LeadField[] {
  return map.all.flatMap((field) => {
    const names = map.isMember(field) ? [] : map.attributeNames(field);
    if (names.length === 0) return [];
    const { title, dataType, maxLength, isReadOnly, restName } = field;
    return {
      names,
      title,
      type: dataType,
      maxLength: maxLength ?? null,
      isReadOnly,
      isCustom: !STANDARD.has(restName),
    };
  });
}
