/**
 * What is asked of people: fields made from declared parameters, or from the form of a message.
 *
 * A field holds a text while it is edited, whatever its kind, so that a form is one object of
 * texts. `readForm` turns the texts into values, or says per field what is wrong.
 */
export * from './fields';
export * from './parameter-fields';
export * from './form-values';
export * from './refusals';
